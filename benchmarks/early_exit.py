"""How often a network's result is that of interpolation, so that it need not be computed.

    python benchmarks/early_exit.py PLACE [PLACE ...] [--weights default]

A PLACE is a folder of GeoTIFFs, of which up to 12 are used, or a GeoTIFF. A tile without structure
could leave the network out: interpolation gives nearly the same there. The table says in how many
blocks it would, with automatic settings.
"""

import argparse
from pathlib import Path

import numpy as np
from scene_tables import table

from sen2naip_sr.arrays import Array
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import choose_range
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.release.imagery.pack import files_of
from sen2naip_sr.upscaling.arrays import upscale_array
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.upscaler import Upscaler

BLOCK = 64
"""Side of the blocks, in pixels of the result: smaller than any tile that is worth a call."""
SIDE = 1024
"""Largest side of the part of a scene that is looked at, in its pixels."""
MOST = 12
"""Files of a place."""
BANDS = (1, 2, 3, 4)
BASE = "bicubic"
"""What networks correct."""


def shares(path: Path, upscaler: Upscaler) -> list[float]:
    """Return the shares of blocks that are even, equal, and within half of a 255th of the range."""
    with open_scene(path, BANDS) as scene:
        image, valid = scene.read(0, 0, min(SIDE, scene.height), min(SIDE, scene.width))
    masked = np.ma.MaskedArray(image, mask=~valid)
    scene = ArrayScene(masked)
    low, high = choose_range("auto", scene)
    target = ArrayTarget(scene)
    (method,) = (m for m in interpolations(len(image)) if m.name == BASE)
    upscale_scene(scene, target, method.network(len(image), "cpu"), value_range=(low, high))
    result = np.ma.getdata(upscale_array(upscaler, masked).values)
    difference = np.abs(result.astype(float) - target.values.astype(float))
    usable = blocks(valid.repeat(2, 1).repeat(2, 2)).all((0, 2, 4))
    largest = blocks(difference).max((0, 2, 4))[usable]
    whole = blocks(image.repeat(2, 1).repeat(2, 2))
    even = (whole.max((2, 4)) == whole.min((2, 4))).all(0)[usable]
    return [even.mean(), (largest == 0).mean(), (largest <= (high - low) / 510).mean()]


def blocks(image: Array) -> Array:
    """Divide (C, H, W) into whole blocks: (C, rows, `BLOCK`, columns, `BLOCK`)."""
    count, height, width = image.shape
    rows, columns = height // BLOCK, width // BLOCK
    whole = image[:, : rows * BLOCK, : columns * BLOCK]
    return whole.reshape(count, rows, BLOCK, columns, BLOCK)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("places", type=Path, nargs="+", metavar="PLACE")
    parser.add_argument("--weights", default="default", help="the name of shipped weights")
    given = parser.parse_args()
    upscaler = Upscaler(make_options(model=given.weights, device="cpu"))
    rows = []
    for place in given.places:
        found = np.mean([shares(file, upscaler) for file in files_of(place)[:MOST]], axis=0)
        rows.append([place.stem, *(f"{share:.1%}" for share in found)])
    print(table(["place", "even", "equal", "within half of a 255th"], rows))


if __name__ == "__main__":
    main()
