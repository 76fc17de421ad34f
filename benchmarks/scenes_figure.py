"""Draw docs/images/scenes.png: parts of whole scenes before and after.

python benchmarks/scenes_figure.py --scenes FOLDER
"""

import argparse
from pathlib import Path

import numpy as np

from sen2naip_sr.evaluation.figures.tiles import TileGrid, composites, draw_composite, write_label
from sen2naip_sr.inference.network import Network, make_network
from sen2naip_sr.inference.values import choose_range, normalise
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.weights.shipped import load_shipped

TARGET = Path(__file__).parents[1] / "docs/images/scenes.png"
DPI = 120
ZOOM = 2
PART = 84
"""Rows and columns of each part."""
AROUND = 32
PARTS = {
    "naip-sherando-va-1m": ("NAIP, 1 m", (300, 330)),
    "naip-desert-ca-0.6m": ("NAIP, 0.6 m", (70, 120)),
    "s2-inn-10m": ("Sentinel-2, 10 m", (150, 250)),
    "s2-aberystwyth-10m": ("Sentinel-2, 10 m", (420, 380)),
}
"""The part of each scene in the figure: its label, first row and first column."""


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="folder of the scenes")
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args()
    weights = load_shipped("lean")
    assert weights is not None
    networks = [
        make_network(build_model("lanczos", 4), bands=4, device="cpu"),
        make_network(weights.build(), device="cpu"),
    ]
    side = 2 * PART * ZOOM / DPI
    grid = TileGrid(
        columns=3, width=side, height=side, gap=6 / DPI, label=0.3, header=0.25, caption=0.05,
        footer=0,
    )  # fmt: skip
    figure, blocks = grid.draw(len(PARTS), 1, DPI)
    for rows, (name, (label, at)) in zip(blocks, PARTS.items(), strict=True):
        images = _images(given.scenes / f"{name}.tif", at, networks)
        draw_composite(rows[0], images, images[0], composites(4)[0])
        write_label(rows, label)
    for axis, title in zip(blocks[0][0], ("the scene", "Lanczos", "Lean"), strict=True):
        axis.set_title(title, fontsize=9)
    figure.savefig(given.target, dpi=DPI)


def _images(path: Path, at: tuple[int, int], networks: list[Network]) -> list[np.ndarray]:
    """Return the part of a scene, and each network's result, all of the same size."""
    top, left = (start - AROUND for start in at)
    size = PART + 2 * AROUND
    with open_scene(path) as scene:
        value_range = choose_range("auto", scene)
        values, _ = scene.read(top, left, size, size)
    window = normalise(values, value_range)
    inner = (slice(None), slice(AROUND, -AROUND), slice(AROUND, -AROUND))
    inside = (slice(None), slice(2 * AROUND, -2 * AROUND), slice(2 * AROUND, -2 * AROUND))
    upscaled = [network(window[np.newaxis])[0][inside] for network in networks]
    return [window[inner].repeat(2, 1).repeat(2, 2), *upscaled]


if __name__ == "__main__":
    main()
