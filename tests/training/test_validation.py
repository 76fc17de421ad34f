import numpy as np
import pytest
import torch

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.errors import UserError
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.metrics.psnr import PSNR_CAP
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.training.validation import Validator

CPU = torch.device("cpu")


def chips(dtype, low, high, side=10):
    generator, count, bands = np.random.default_rng(1), 7, 3
    hr = generator.uniform(low, high, (count, bands, 2 * side, 2 * side)).astype(dtype)
    lr = generator.uniform(low, high, (count, bands, side, side)).astype(dtype)
    return hr, lr


def validator(hr, lr, value_range, numbers=None, most=100):
    arrays = ShardedArray.from_array(hr), ShardedArray.from_array(lr)
    numbers = np.arange(len(hr)) if numbers is None else np.array(numbers)
    return Validator(*arrays, numbers, value_range, most)


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [(np.uint8, (0, 255)), (np.uint16, (0, 10000)), (np.float32, (-0.5, 1.5))],
)
def test_agrees_with_the_scores_of_the_evaluation(dtype, value_range):
    hr, lr = chips(dtype, *value_range)
    upscaled = Interpolation("bicubic")(torch.from_numpy(lr.astype(np.float64)))
    if np.issubdtype(dtype, np.integer):
        upscaled = upscaled.round().clamp(0, np.iinfo(dtype).max)
    expected = score(
        upscaled, torch.from_numpy(hr.astype(np.float64)), data_range=np.ptp(value_range)
    )
    found = validator(hr, lr, value_range)(Interpolation("bicubic"), CPU)
    assert found == pytest.approx(float(expected.chip["psnr"].mean()), abs=2e-4)


def test_scores_only_the_given_chips():
    hr, lr = chips(np.uint8, 0, 256)
    hr[2] = 0
    lr[2] = 255
    bad = validator(hr, lr, (0, 255), [2])(Interpolation("nearest"), CPU)
    assert bad == pytest.approx(0)
    assert validator(hr, lr, (0, 255), [0, 1, 3])(Interpolation("nearest"), CPU) > 5


def test_border_does_not_count():
    lr = np.full((1, 1, 8, 8), 100, np.uint8)
    hr = np.full((1, 1, 16, 16), 110, np.uint8)
    hr[..., :4, :] = hr[..., -4:, :] = hr[..., :, :4] = hr[..., :, -4:] = 0
    psnr = validator(hr, lr, (0, 255))(Interpolation("nearest"), CPU)
    assert psnr == pytest.approx(10 * np.log10(255**2 / 10**2), abs=1e-4)


def test_a_chip_without_error_does_not_make_the_mean_infinite():
    lr = np.full((2, 1, 8, 8), 100, np.uint8)
    hr = np.full((2, 1, 16, 16), 100, np.uint8)
    hr[1] += 10
    psnr = validator(hr, lr, (0, 255))(Interpolation("bicubic"), CPU)
    assert psnr == pytest.approx((PSNR_CAP + 10 * np.log10(255**2 / 10**2)) / 2, abs=1e-4)


def test_leaves_no_gradients_and_evaluation_mode():
    hr, lr = chips(np.uint8, 0, 256)
    seen = []

    class Probe(Interpolation):
        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return super().forward(x)

    validator(hr, lr, (0, 255))(Probe("nearest"), CPU)
    assert set(seen) == {(False, False)}


@pytest.mark.parametrize(("count", "most"), [(1, 1), (5, 10), (10, 5), (100, 32), (7, 2), (9, 1)])
def test_spread_is_even(count, most):
    chosen = spread(np.arange(count), most)
    assert len(chosen) == len(set(chosen)) == min(count, most)
    if most > 1:
        assert (chosen[0], chosen[-1]) == (0, count - 1)
        gaps = np.diff(chosen)
        assert len(gaps) == 0 or np.ptp(gaps) <= 1


def test_refuses_an_empty_split():
    with pytest.raises(UserError, match="no chips to validate on"):
        validator(*chips(np.uint8, 0, 256), (0, 255), np.array([], dtype=int))


def test_refuses_chips_that_are_all_border():
    with pytest.raises(UserError, match="8 x 8"):
        validator(*chips(np.uint8, 0, 256, side=4), (0, 255))


def test_pixels_that_do_not_count_change_nothing():
    hr, lr = chips(np.uint8, 0, 256)
    masks = np.random.default_rng(1).random(hr.shape) > 0.2
    masks[1] = True
    masks[3] = False

    def found(truth):
        arrays = (ShardedArray.from_array(array) for array in (truth, lr))
        scored = lambda chip: None if masks[chip].all() else masks[chip]  # noqa: E731
        score_chips = Validator(*arrays, np.arange(4), (0, 255), 32, scored)
        return score_chips(Interpolation("bicubic"), CPU)

    spoilt = np.where(masks, hr, 255 - hr)
    assert found(spoilt) == found(hr)
    alone = validator(hr, lr, (0, 255), [1])(Interpolation("bicubic"), CPU)
    masks[:] = False
    masks[1] = True
    assert found(spoilt) == alone
