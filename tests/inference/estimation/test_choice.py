"""What a network is best told about an uncertain blur."""

import numpy as np
import pytest
import torch
from torch import nn

from sen2naip_sr.inference.estimation import choice
from sen2naip_sr.inference.estimation.choice import SHARPNESSES, choose_blur
from sen2naip_sr.inference.estimation.regressor import WIDTHS
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.interpolation import upscale_bicubic

CLEAN = Conditions((0.0, 0.0), None, 0.0)


@pytest.fixture(scope="module")
def windows():
    random = torch.Generator().manual_seed(0)
    return 128 + 30 * torch.randn(2, 2, 64, 64, generator=random)


class Sharpening(nn.Module):
    """Adds detail in proportion to a strength, or to one for each half of the image."""

    def __init__(self, strength):
        super().__init__()
        self.strength = strength if isinstance(strength, tuple) else (strength, strength)

    def forward(self, x):
        base = upscale_bicubic(x)
        detail = base - base.mean((2, 3), keepdim=True)
        left, right = detail.chunk(2, -1)
        return base + torch.cat((self.strength[0] * left, self.strength[1] * right), -1)


def build(strengths, unknown=0.0):
    """Return what builds networks whose strength depends on the width that they are told."""

    def built(conditions):
        assert conditions.noise == CLEAN.noise
        assert conditions.compression == CLEAN.compression
        return Sharpening(strengths(conditions.blur[0][0]) if conditions.blur else unknown)

    return built


def shares(**masses):
    """Return the same probabilities of widths, given by their positions, on both axes."""
    found = torch.zeros(2, len(WIDTHS))
    for position, mass in masses.items():
        found[:, int(position[1:])] = mass
    return found


def test_a_certain_width_is_told(windows):
    found = choose_blur(shares(p8=1.0), windows, CLEAN, build(lambda width: width))
    assert found.blur == (WIDTHS[8], WIDTHS[8])
    assert 0.8 <= found.sharpness <= 1


def test_widths_may_differ_between_the_axes(windows):
    found = torch.zeros(2, len(WIDTHS))
    found[0, 9] = found[1, 11] = 1
    assert choose_blur(found, windows, CLEAN, build(lambda width: width)).blur == (
        WIDTHS[9],
        WIDTHS[11],
    )


def test_a_width_whose_error_is_dear_is_avoided(windows):
    """Where the narrow width is true, telling the wide one ruins the result; not so vice versa."""

    def strengths(width):
        return 0.1 if width == WIDTHS[9] else 0.5

    either = shares(p9=0.5, p12=0.5)
    assert choose_blur(either, windows, CLEAN, build(strengths)).blur == (WIDTHS[9], WIDTHS[9])
    hardly = shares(p9=0.02, p12=0.98)
    assert choose_blur(hardly, windows, CLEAN, build(strengths)).blur == (WIDTHS[12], WIDTHS[12])


def test_nothing_is_told_where_that_is_best(windows):
    def strengths(width):
        return (0.3, 0.0) if width == WIDTHS[9] else (0.0, 0.3)

    either = shares(p9=0.5, p12=0.5)
    found = choose_blur(either, windows, CLEAN, build(strengths, unknown=(0.15, 0.15)))
    assert found.blur is None


def test_contradicting_results_are_not_used(windows, monkeypatch):
    """What is right for one width is as wrong for the other."""
    monkeypatch.setattr(choice, "_OTHERS", ("bicubic",))

    def strengths(width):
        return 0.3 if width == WIDTHS[9] else -0.3

    found = choose_blur(shares(p9=0.5, p12=0.5), windows, CLEAN, build(strengths, unknown=0.3))
    assert found.sharpness == 0


@pytest.mark.parametrize("seed", range(3))
def test_hypotheses_have_the_probabilities_of_each_axis(seed):
    random = np.random.default_rng(seed)
    given = torch.from_numpy(random.dirichlet(np.ones(4), 2)).float()
    wide = torch.zeros(2, len(WIDTHS))
    wide[0, 3:7], wide[1, 5:9] = given
    pairs, weights = choice._hypotheses(wide)
    assert len(pairs) <= choice._HYPOTHESES
    for axis in (0, 1):
        masses = torch.zeros(len(WIDTHS))
        for pair, weight in zip(pairs, weights, strict=True):
            masses[WIDTHS.index(pair[axis])] += weight
        torch.testing.assert_close(masses, wide[axis], atol=0.05, rtol=0)
    # the narrowest goes with the narrowest
    along = [pair[1] for pair in sorted(pairs)]
    assert along == sorted(along)


def test_narrow_blurs_may_be_none(windows):
    """Telling a narrow width must not ruin what was decimated without a filter."""

    def strengths(width):
        return 0.1 if width == WIDTHS[1] else 0.5

    narrow = choose_blur(shares(p5=1.0), windows, CLEAN, build(strengths))
    assert narrow.blur == (WIDTHS[1], WIDTHS[1]) or narrow.sharpness < 0.8
    wide = choose_blur(shares(p12=1.0), windows, CLEAN, build(strengths))
    assert wide.blur == (WIDTHS[12], WIDTHS[12])


def test_between_distant_widths_a_compromise_is_tried(windows):
    """Half of each correction is right for neither, and costs the least."""

    def strengths(width):
        return (width - 0.3, 0.8 - width)

    either = shares(p9=0.5, p15=0.5)
    found = choose_blur(either, windows, CLEAN, build(strengths, unknown=(-1.0, 1.0)))
    assert found.blur == pytest.approx(((WIDTHS[9] + WIDTHS[15]) / 2,) * 2)


def test_costs_are_mean_squared_differences(monkeypatch):
    monkeypatch.setattr(choice, "_OVERRATED", ((1.0, 1.0),))
    monkeypatch.setattr(choice, "_AVERSION", 0.0)
    random = torch.Generator().manual_seed(1)
    ours = torch.randn(3, 500, generator=random)
    weights = torch.tensor([0.3, 0.7])
    costs = choice._costs(ours, torch.zeros(1, 500), weights)
    for result in range(3):
        for number, share in enumerate(SHARPNESSES):
            expected = sum(
                weight
                * (share * ours[result] - ours[true]).square().mean()
                / (ours[true].square().mean() + choice._FLOOR)
                for true, weight in enumerate(weights)
            )
            torch.testing.assert_close(costs[result, number], expected)
