import numpy as np
import pytest
import torch

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.patches import (
    PatchPositions,
    draw_positions,
    lr_patches,
    residual_patches,
)
from sen2naip_sr.models.interpolation import upscale_bicubic

RANGE = (10.0, 210.0)
LR = np.random.default_rng(0).integers(0, 255, (5, 3, 9, 11), dtype=np.uint8)
HR = np.random.default_rng(1).integers(0, 255, (5, 3, 18, 22), dtype=np.uint8)


def positions(count=40, side=4, chips=(1, 4), seed=0):
    return draw_positions(ShardedArray.from_array(LR), np.array(chips), count, side, seed)


def test_positions_are_in_their_chips_and_none_is_drawn_twice():
    found = positions(count=2 * 6 * 8)
    places = set(zip(found.chips, found.rows, found.columns, strict=True))
    assert places == {(c, r, k) for c in (1, 4) for r in range(6) for k in range(8)}


def test_positions_follow_the_seed():
    first, second, other = (positions(seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.rows, second.rows)
    assert np.array_equal(first.chips, second.chips)
    assert not np.array_equal(first.rows, other.rows)


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"side": 10}, "sides up to 9"), ({"count": 97}, "96 patches of 4 x 4"), ({"chips": ()}, "0")],
)
def test_refuses_what_there_is_not(asked, message):
    with pytest.raises(UserError, match=message):
        positions(**asked)


@pytest.mark.parametrize("side", [1, 4, 9])
def test_lr_patches_are_what_slicing_gives(side):
    at = positions(count=6, side=side)
    found = lr_patches(ShardedArray.from_array(LR), at, RANGE)
    assert (found.shape, found.dtype) == ((6, 3 * side * side), np.float32)
    for patch, chip, row, column in zip(found, at.chips, at.rows, at.columns, strict=True):
        part = LR[chip, :, row : row + side, column : column + side].astype(np.float64)
        np.testing.assert_allclose(patch, ((part - 10) / 200).ravel(), atol=1e-6)


def test_residuals_are_the_truth_minus_the_upscaled_chip():
    at = positions(count=8, side=3)
    found = residual_patches(ShardedArray.from_array(LR), ShardedArray.from_array(HR), at, RANGE)
    assert (found.shape, found.dtype) == ((8, 3 * 6 * 6), np.float32)
    upscaled = upscale_bicubic(torch.from_numpy(LR.astype(np.float64))).numpy()
    for patch, chip, row, column in zip(found, at.chips, at.rows, at.columns, strict=True):
        part = (chip, slice(None), slice(2 * row, 2 * row + 6), slice(2 * column, 2 * column + 6))
        np.testing.assert_allclose(patch, ((HR[part] - upscaled[part]) / 200).ravel(), atol=1e-5)


def test_residuals_of_what_bicubic_gives_are_zero():
    smooth = upscale_bicubic(torch.from_numpy(LR.astype(np.float32))).numpy()
    at = PatchPositions(np.array([0, 3]), np.array([0, 5]), np.array([7, 2]), 4)
    found = residual_patches(
        ShardedArray.from_array(LR), ShardedArray.from_array(smooth), at, RANGE
    )
    assert np.abs(found).max() < 1e-5
