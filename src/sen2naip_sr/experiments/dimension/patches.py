"""Points for the intrinsic dimension of imagery: patches at random positions."""

from dataclasses import dataclass

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.predict import normalised
from sen2naip_sr.models.interpolation import upscale_bicubic


@dataclass(frozen=True)
class PatchPositions:
    """Patches of one side: chip numbers, top rows and left columns, int (N,), in LR pixels."""

    chips: Array
    rows: Array
    columns: Array
    side: int


def draw_positions(
    lr: ShardedArray, chips: Array, count: int, side: int, seed: int
) -> PatchPositions:
    """Draw positions of patches uniformly without replacement; patches may overlap.

    The chips (n, C, h, w) to draw from are given by their numbers (m,). Equal arguments and seed
    give equal positions.

    Raises:
        UserError: If a patch is larger than a chip, or there are fewer positions than asked for.
    """
    height, width = (size - side + 1 for size in lr.shape[2:])
    if min(height, width) < 1:
        raise UserError(
            "patch-too-large",
            f"patches of {side} x {side} pixels do not fit into LR chips of {lr.shape[2]} x "
            f"{lr.shape[3]}",
            f"take sides up to {min(lr.shape[2:])}",
        )
    available = len(chips) * height * width
    if count > available:
        raise UserError(
            "too-few-patches",
            f"{len(chips)} chips have {available} patches of {side} x {side} pixels, not {count}",
            "ask for fewer patches, or give more chips",
        )
    drawn = np.random.default_rng(seed).choice(available, count, replace=False)
    number, row, column = np.unravel_index(drawn, (len(chips), height, width))
    return PatchPositions(np.asarray(chips)[number], row, column, side)


def lr_patches(
    lr: ShardedArray, positions: PatchPositions, value_range: tuple[float, float]
) -> Array:
    """Return low-resolution patches (N, C side side) from chips (n, C, h, w) of digital numbers.

    They are float32, normalised, in the order of bands, rows, columns.
    """
    at = positions
    low, high = value_range
    crops = lr.crops(at.chips, at.rows, at.columns, at.side).astype(np.float32)
    return (crops.reshape(len(crops), -1) - low) / (high - low)


@torch.no_grad()
def residual_patches(
    lr: ShardedArray, hr: ShardedArray, positions: PatchPositions, value_range: tuple[float, float]
) -> Array:
    """Return patches of the residual at the same places: high resolution minus bicubic upscaling.

    The whole chip is upscaled, so that a patch's border is no border of the image. Nothing is
    clipped or rounded. The chips hold digital numbers. The patches are (N, C 2side 2side), float32,
    normalised, in the order of bands, rows, columns.
    """
    side = SCALE * positions.side
    patches = np.empty((len(positions.chips), lr.shape[1], side, side), np.float32)
    cpu = torch.device("cpu")
    for chip in np.unique(positions.chips):
        image, truth = (normalised(array[chip][None], value_range, cpu) for array in (lr, hr))
        residual = (truth - upscale_bicubic(image))[0].numpy()
        for number in np.flatnonzero(positions.chips == chip):
            top, left = SCALE * positions.rows[number], SCALE * positions.columns[number]
            patches[number] = residual[:, top : top + side, left : left + side]
    return patches.reshape(len(patches), -1)
