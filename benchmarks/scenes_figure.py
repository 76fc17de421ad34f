"""Draw docs/images/scenes.png: parts of whole scenes before and after, with automatic settings.

python benchmarks/scenes_figure.py --scenes FOLDER
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sen2naip_sr as sr
from sen2naip_sr.evaluation.figures.tiles import TileGrid, composites, draw_composite, write_label
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.values import choose_range, normalise
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.raster.scene import open_scene

TARGET = Path(__file__).parents[1] / "docs/images/scenes.png"
DPI = 120
ZOOM = 2
PART = 72
"""Rows and columns of each part."""
SHOWN = ("lean", "default", "best")


@dataclass(frozen=True)
class Part:
    """A part of a scene.

    Attributes:
        scene: Name of the file.
        label: What is written beside it.
        at: First row and column.
        change: What is done to the whole scene first.
    """

    scene: str
    label: str
    at: tuple[int, int]
    change: Callable[[np.ndarray], np.ndarray] = lambda values: values


PARTS = (
    Part("naip-sherando-va-1m", "NAIP, 1 m", (306, 334)),
    Part("naip-desert-ca-0.6m", "NAIP, 0.6 m", (76, 124)),
    Part("s2-inn-10m", "Sentinel-2, 10 m", (156, 254)),
    Part("s2-aberystwyth-10m", "Sentinel-2, 10 m", (426, 384)),
    Part(
        "naip-desert-ca-0.6m",
        "fails: every second pixel",
        (30, 58),
        lambda values: values[:, ::2, ::2],
    ),
)


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="folder of the scenes")
    parser.add_argument("--target", type=Path, default=TARGET)
    given = parser.parse_args()
    side = 2 * PART * ZOOM / DPI
    grid = TileGrid(
        columns=2 + len(SHOWN), width=side, height=side, gap=6 / DPI, label=0.3, header=0.25,
        caption=0.05, footer=0,
    )  # fmt: skip
    figure, blocks = grid.draw(len(PARTS), 1, DPI)
    for rows, part in zip(blocks, PARTS, strict=True):
        images = _images(given.scenes, part)
        draw_composite(rows[0], images, images[0], composites(4)[0])
        write_label(rows, part.label)
    for axis, title in zip(blocks[0][0], ("the scene", "Lanczos", *SHOWN), strict=True):
        axis.set_title(title, fontsize=9)
    figure.savefig(given.target, dpi=DPI)


def _images(folder: Path, part: Part) -> list[np.ndarray]:
    """Return the part of a scene, and each method's result, all of the same size."""
    with open_scene(folder / f"{part.scene}.tif") as scene:
        value_range = choose_range("auto", scene)
        values, _ = scene.read(0, 0, scene.height, scene.width)
    values = np.ascontiguousarray(part.change(values))
    row, column = part.at
    own = np.s_[:, row : row + PART, column : column + PART]
    twice = np.s_[:, 2 * row : 2 * (row + PART), 2 * column : 2 * (column + PART)]
    normalised = normalise(values, value_range)
    lanczos = make_network(build_model("lanczos", 4), bands=4, device="cpu")
    upscaled = [
        normalise(sr.load_model(name).upscale(values).values[twice], value_range) for name in SHOWN
    ]
    enlarged = normalised[own].repeat(2, 1).repeat(2, 2)
    return [enlarged, lanczos(normalised[None])[0][twice], *upscaled]


if __name__ == "__main__":
    main()
