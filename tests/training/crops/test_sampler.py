import numpy as np
import pytest

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.validity import Validity
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData, orientations
from sen2naip_sr.training.parameters.crops import AugmentationParameters, DetailParameters


def pairs(chips=6, bands=2, height=12, width=16, dtype=np.uint16):
    """LR chips of all different values in two shards, and HR chips of which they are the means."""
    count = chips * bands * height * width
    lr = np.random.default_rng(0).permutation(count).astype(dtype)
    lr = lr.reshape(chips, bands, height, width)
    hr = lr.repeat(2, axis=2).repeat(2, axis=3)
    half = (chips + 1) // 2
    shards = [ShardedArray([array[:half], array[half:]]) for array in (hr, lr)]
    return *shards, lr


def sampler(hr, lr, *, chips=None, crop_size=5, batch_size=16, seed=0, **augmentation):
    chips = np.arange(len(lr)) if chips is None else np.array(chips)
    data = TrainingData(hr, lr, chips, np.empty(0, int), (0, 65535))
    return CropSampler(data, crop_size, batch_size, seed, AugmentationParameters(**augmentation))


def area_mean(hr):
    return hr.reshape(*hr.shape[:2], hr.shape[2] // 2, 2, hr.shape[3] // 2, 2).mean(axis=(3, 5))


@pytest.mark.parametrize("step", range(5))
def test_lr_and_hr_show_the_same_ground(step):
    hr, lr, _ = pairs()
    lr_crops, hr_crops = sampler(hr, lr).batch(step)
    assert lr_crops.shape == (16, 2, 5, 5)
    assert hr_crops.shape == (16, 2, 10, 10)
    assert np.array_equal(area_mean(hr_crops), lr_crops)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_keeps_the_dtype(dtype):
    hr, lr, _ = pairs(dtype=dtype)
    assert {crops.dtype for crops in sampler(hr, lr).batch(0)} == {np.dtype(dtype)}


def test_crops_come_from_the_chips_that_are_named():
    hr, lr, values = pairs()
    drawn = sampler(hr, lr)
    for step in range(5):
        for crop, chip in zip(drawn.batch(step)[0], drawn.chips(step), strict=True):
            assert np.isin(crop, values[chip]).all()


def test_all_eight_orientations_occur_equally_often():
    hr, lr, values = pairs(chips=1, height=4, width=4)
    expected = {
        np.rot90(image, turns, axes=(1, 2)).tobytes()
        for image in (values[0], values[0][:, :, ::-1])
        for turns in range(4)
    }
    crops = [crop.tobytes() for crop in sampler(hr, lr, crop_size=4, batch_size=800).batch(0)[0]]
    counts = {crop: crops.count(crop) for crop in crops}
    assert set(counts) == expected
    assert min(counts.values()) > 60


def test_all_given_chips_are_drawn_and_no_others():
    hr, lr, _ = pairs()
    drawn = sampler(hr, lr, chips=[1, 4, 5])
    assert {int(chip) for step in range(20) for chip in drawn.chips(step)} == {1, 4, 5}


def test_every_position_is_drawn():
    hr, lr, values = pairs(chips=1, bands=1, height=6, width=7)
    crops = sampler(hr, lr, crop_size=5, batch_size=500).batch(0)[0]
    assert set(np.unique(crops)) == set(np.unique(values))


def test_is_a_pure_function_of_seed_and_step():
    hr, lr, _ = pairs()
    first, second = sampler(hr, lr, seed=3), sampler(hr, lr, seed=3)
    first.batch(0)
    for mine, other in zip(first.batch(7), second.batch(7), strict=True):
        assert np.array_equal(mine, other)
    assert not np.array_equal(first.batch(7)[0], first.batch(8)[0])
    assert not np.array_equal(first.batch(7)[0], sampler(hr, lr, seed=4).batch(7)[0])


def test_a_crop_that_does_not_fit_is_named_with_the_largest_that_does():
    hr, lr, _ = pairs(height=12, width=16)
    with pytest.raises(UserError, match=r"13 x 13.*12 x 16[\s\S]*at most 12 LR"):
        sampler(hr, lr, crop_size=13)


def test_refuses_hr_that_is_not_twice_as_large():
    _, lr, _ = pairs()
    with pytest.raises(UserError, match="does not belong"):
        sampler(lr, lr)


def test_refuses_an_empty_split():
    hr, lr, _ = pairs()
    with pytest.raises(UserError, match="no chips to train on"):
        sampler(hr, lr, chips=np.array([], dtype=int))


@pytest.mark.parametrize(
    ("flips", "quarter_turns", "allowed"),
    [(True, True, 8), (True, False, 4), (False, True, 4), (False, False, 1)],
)
def test_augmentation_can_be_chosen(flips, quarter_turns, allowed):
    assert len(orientations(flips, quarter_turns)) == allowed
    hr, lr, values = pairs(chips=1, bands=1, height=3, width=3)
    drawn = sampler(hr, lr, crop_size=3, batch_size=100, flips=flips, quarter_turns=quarter_turns)
    turned = {crop.tobytes() for crop in drawn.batch(0)[0]}
    assert len(turned) == allowed
    assert (values[0, ..., ::-1].tobytes() in turned) == flips
    assert (np.rot90(values[0], 1, (1, 2)).tobytes() in turned) == quarter_turns


VARIED = {
    "pixel_sizes": {"share": 0.5},
    "recipes": {"area": 1.0, "blur_noise": 1.0},
    "band_jitter": {"gain": 0.1},
}


def part(data, rank, world_size, detail=None, **augmentation):
    return CropSampler(
        data,
        5,
        12,
        3,
        AugmentationParameters(**augmentation),
        detail,
        rank=rank,
        world_size=world_size,
    )


@pytest.mark.parametrize("world_size", [2, 5])
@pytest.mark.parametrize("augmentation", [{}, VARIED], ids=["plain", "varied"])
@pytest.mark.parametrize("detail", [None, DetailParameters(weighted=True)])
def test_the_parts_of_all_ranks_are_the_batch_of_one_process(world_size, augmentation, detail):
    hr, lr, _ = pairs(height=24, width=24)
    data = TrainingData(
        hr, lr, np.arange(len(lr)), np.empty(0, int), (0, 65535), get_recipe("area")
    )
    whole = part(data, 0, 1, detail, **augmentation)
    ranks = [part(data, rank, world_size, detail, **augmentation) for rank in range(world_size)]
    for step in (0, 7):
        parts = [sampler.batch(step) for sampler in ranks]
        for together, single in zip(zip(*parts, strict=True), whole.batch(step), strict=True):
            sizes = [len(crops) for crops in together]
            assert max(sizes) - min(sizes) == (12 % world_size > 0)
            assert np.array_equal(np.concatenate(together), single)
        weights = np.concatenate([sampler.weights(step) for sampler in ranks])
        assert np.array_equal(weights, whole.weights(step))
        assert all(np.array_equal(s.chips(step), whole.chips(step)) for s in ranks)


def test_fewer_crops_than_ranks_are_refused():
    hr, lr, _ = pairs()
    data = TrainingData(hr, lr, np.arange(len(lr)), np.empty(0, int), (0, 65535))
    with pytest.raises(UserError, match=r"12 crops .* 13 processes") as caught:
        part(data, 0, 13)
    assert caught.value.code == "batch-not-divisible"


def test_uniform_crops_weigh_the_same():
    hr, lr, _ = pairs()
    assert np.array_equal(sampler(hr, lr).weights(3), np.ones(16, np.float32))


@pytest.mark.parametrize("variation", [{}, {"pixel_sizes": {}}, {"cutblur": {"share": 1}}])
@pytest.mark.parametrize("rank", [0, 1])
def test_validity_is_cut_and_turned_with_the_pixels(variation, rank):
    # every invalid pixel holds 0, and no valid one does
    random = np.random.default_rng(3)
    lr = random.integers(1, 200, (6, 2, 20, 20)).astype(np.uint8)
    hr = lr.repeat(2, axis=2).repeat(2, axis=3)
    valid = np.ones(lr.shape, bool)
    valid[2:5] = random.random((3, 2, 20, 20)) > 0.01
    lr[~valid] = 0
    doubled = valid.repeat(2, axis=2).repeat(2, axis=3)
    hr[~doubled] = 0
    masked = np.array([2, 3, 4])
    data = TrainingData(
        ShardedArray([hr]), ShardedArray([lr]), np.arange(6), np.empty(0, int), (0, 255),
        get_recipe("area"),
        hr_validity=Validity(masked, ShardedArray([doubled[2:5]])),
        lr_validity=Validity(masked, ShardedArray([valid[2:5]])),
    )  # fmt: skip
    changes = AugmentationParameters(**variation)
    drawn = CropSampler(data, 6, 32, 0, changes, rank=rank, world_size=2)
    hidden = 0
    for step in range(4):
        crops = drawn.cut(step)
        assert len(crops.lr) == 16
        if crops.scored is None:
            continue
        np.testing.assert_array_equal(crops.lr_valid, crops.lr != 0)
        np.testing.assert_array_equal(crops.scored, crops.hr != 0)
        hidden += (~crops.scored).sum()
    assert hidden > 0
