"""How much stronger the fine detail of a result is than Lanczos', in flat and in textured areas.

    python benchmarks/flat_areas.py --scenes FOLDER --weights lean WEIGHTS.safetensors

A scene has no truth. But in its flattest areas there is little to sharpen but noise, so that the
detail there should stay as strong as an interpolation's, while that of textured areas may grow.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scene_tables import table
from scipy.ndimage import gaussian_filter

from sen2naip_sr.arrays import Array
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import choose_range
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.upscaling.arrays import upscale_array
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.upscaler import Upscaler

BLOCK = 32
"""Side of the blocks, in pixels of the result."""
SIGMA = 1.5
"""Fine detail is an image minus its Gaussian blur of this width, in pixels of the result."""
SHARE = 5
"""The flattest and the most textured fifth of the blocks are compared."""
BANDS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Strengths:
    """The strength of a result's detail, as a multiple of Lanczos', one value for each band.

    Attributes:
        flat: In the fifth of the blocks with the smallest standard deviation of Lanczos' result.
        textured: In the fifth with the largest.
        told: What the network was told of the scene, in words.
    """

    flat: Array
    textured: Array
    told: Mapping[str, str]


class Measurement:
    """One scene and its Lanczos upscaling; `strengths` compares results with it."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        with open_scene(path, BANDS) as scene:
            values, valid = scene.read(0, 0, scene.height, scene.width)
        self.image = np.ma.MaskedArray(values, mask=~valid)
        plain = _lanczos(self.image)
        usable = blocks(valid.repeat(2, 1).repeat(2, 2).astype(float)).min((0, 2)) > 0
        self._deviation, self._detail = spread(plain), spread(detail(plain))
        order = np.where(usable, self._deviation, np.nan).argsort(axis=1)
        count = max(1, usable.sum() // SHARE)
        self._flat, self._textured = order[:, :count], order[:, usable.sum() - count :][:, :count]

    def strengths(self, result: Array, told: Mapping[str, str]) -> Strengths:
        """Return the strengths of a result (C, 2h, 2w)."""
        found = spread(detail(np.ma.getdata(result).astype(np.float64)))
        flat, textured = (
            _root_mean_square(found, chosen) / _root_mean_square(self._detail, chosen)
            for chosen in (self._flat, self._textured)
        )
        return Strengths(flat, textured, told)


def detail(image: Array) -> Array:
    """Return the fine detail of an image (C, H, W)."""
    return image - gaussian_filter(image, (0, SIGMA, SIGMA), mode="nearest")


def blocks(image: Array) -> Array:
    """Divide (C, H, W) into whole blocks: (C, blocks, pixels of a block)."""
    count, height, width = image.shape
    rows, columns = height // BLOCK, width // BLOCK
    parts = image[:, : rows * BLOCK, : columns * BLOCK]
    parts = parts.reshape(count, rows, BLOCK, columns, BLOCK).transpose(0, 1, 3, 2, 4)
    return parts.reshape(count, rows * columns, -1)


def spread(image: Array) -> Array:
    """Return the standard deviation in each block: (C, blocks)."""
    return blocks(image).std(2)


def _root_mean_square(values: Array, chosen: Array) -> Array:
    return np.sqrt(np.square(np.take_along_axis(values, chosen, axis=1)).mean(1))


def _lanczos(image: Array) -> Array:
    scene = ArrayScene(image)
    target = ArrayTarget(scene)
    (method,) = (m for m in interpolations(len(image)) if m.name == "lanczos")
    network = method.network(len(image), "cpu")
    upscale_scene(scene, target, network, value_range=choose_range("auto", scene))
    return target.values.astype(np.float64)


def measure(folder: Path, weights: list[str], options: Mapping[str, Any]) -> str:
    """Return the table of all scenes and weights."""
    rows = []
    for path in sorted(folder.glob("*.tif")):
        scene = Measurement(path)
        for name in weights:
            source = {"model": name} if name in NETWORKS else {"weights": Path(name)}
            upscaler = Upscaler(make_options(**source, device="cpu", **options))
            result = upscale_array(upscaler, scene.image)
            found = scene.strengths(result.values, result.made_with)
            rows.append(_row(scene.name, Path(name).stem, found))
            print(" ".join(rows[-1]), flush=True)
    head = ["scene", "weights", "flattest fifth", "most textured fifth", "noise", "blur", "JPEG"]
    return table(head, rows)


def _row(scene: str, name: str, found: Strengths) -> list[str]:
    told = [found.told.get(key, "") for key in ("noise", "blur", "compression")]
    ends = [f"{s.min():.2f} to {s.max():.2f}" for s in (found.flat, found.textured)]
    return [scene, name, *ends, *(text.partition(" (")[0] for text in told)]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenes", type=Path, required=True, help="GeoTIFFs of 4 bands")
    parser.add_argument("--weights", nargs="+", default=["lean"], help="networks, weights files")
    parser.add_argument("--flat-areas", default="auto")
    for name in ("sharpness", "noise", "blur", "compression"):
        parser.add_argument(f"--{name}", default="auto")
    given = vars(parser.parse_args())
    folder, weights = given.pop("scenes"), given.pop("weights")
    print(measure(folder, weights, given))


if __name__ == "__main__":
    main()
