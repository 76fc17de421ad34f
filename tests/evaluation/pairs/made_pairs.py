"""Pairs made from a known continuous image, so that registration and gains are known."""

import numpy as np
from affine import Affine

WAVES = 60
FINEST = 0.15
"""Cycles per pixel of the result: what Lanczos restores nearly completely."""


def ground(rows, columns, seed=0, finest=FINEST):
    """Return an image between 0 and 1 at any positions, in pixels of the result: (H, W)."""
    random = np.random.default_rng(seed)
    total = np.zeros((len(rows), len(columns)))
    for _ in range(WAVES):
        down, right = random.uniform(-finest, finest, 2)
        phase = 2 * np.pi * np.add.outer(down * rows, right * columns)
        total += np.cos(phase + random.uniform(0, 2 * np.pi))
    return 0.5 + total / (10 * WAVES**0.5)


def centres(count, size=1.0, start=0.0):
    """Return the centres of pixels, in pixels of the result."""
    return start + size * (np.arange(count) + 0.5)


def write_pair(
    folder,
    make_geotiff,
    *,
    size=48,
    misplaced=(0.0, 0.0),
    ratio=2,
    crs="EPSG:32617",
    truth="pan.tif",
    truth_bands=1,
    shift=(0, 0),
    **options,
):
    """Write a pair of 16 bits whose truth lies ``misplaced`` pixels of the result off.

    The bands are samples of `ground` (another contrast each), and so is the truth, which is
    ``ratio`` times finer and begins ``shift`` of its pixels before the bands.
    """
    transform = Affine(30, 0, 700_000, 0, -30, 4_250_000)
    values = ground(centres(size, 2), centres(size, 2))
    for number, name in enumerate("rgbn"):
        band = 6_000 + (8_000 + 1_000 * number) * values
        make_geotiff(
            folder / f"{name}.tif",
            band.round().astype("uint16")[None],
            crs=crs,
            transform=transform,
        )
    fine = 2 / ratio
    count = size * ratio + 2 * max(shift)
    rows, columns = (
        centres(count, fine, -fine * s + m) for s, m in zip(shift, misplaced, strict=True)
    )
    finer = np.stack([5_000 + 9_000 * ground(rows, columns)] * truth_bands)
    moved = transform @ Affine.scale(1 / ratio) @ Affine.translation(-shift[1], -shift[0])
    known = {"crs": crs, "transform": moved} | options
    make_geotiff(folder / truth, finer.round().astype("uint16"), **known)
    return folder
