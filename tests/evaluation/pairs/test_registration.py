import numpy as np
import pytest
from made_pairs import centres, ground

from sen2naip_sr.evaluation.pairs.detail import Detail, detail_of
from sen2naip_sr.evaluation.pairs.registration import Movable, register


def seen(start_row, start_column, size=96):
    return ground(centres(size, 1, start_row), centres(size, 1, start_column))[None]


@pytest.mark.parametrize("by", [(0.5, 0.5), (0.25, -0.75), (3.0, 2.5), (-1.5, 0.0)])
def test_a_moved_truth_is_the_ground_sampled_at_other_places(by):
    moved = Movable(detail_of(seen(0, 0))).at(by, (96, 96))
    expected = detail_of(seen(*by))
    used = moved.known & expected.known
    assert used.sum() > 4_000
    # the fixed frame at the edges leaves some thousandths of the amplitude
    np.testing.assert_allclose(moved.values[:, used], expected.values[:, used], atol=2e-3)


def test_whole_pixels_are_copied():
    values = np.arange(80.0 * 90).reshape(1, 80, 90)
    moved = Movable(Detail(values, np.ones((80, 90), bool))).at((-2, 5), (20, 90))
    assert (moved.values[0, 2:, :85] == values[0, :18, 5:]).all()
    assert moved.known.sum() == 18 * 85
    assert not moved.values[:, ~moved.known].any()


@pytest.mark.parametrize("place", [(200, 0), (-200, 0), (0, 95.5)])
def test_a_truth_elsewhere_is_not_known(place):
    moved = Movable(Detail(np.ones((1, 96, 95)), np.ones((96, 95), bool))).at(place, (40, 40))
    assert not moved.known.any()


@pytest.mark.parametrize("error", [(0.0, 0.0), (0.5, -0.25), (-1.75, 1.0), (2.0, 2.0)])
def test_the_registration_that_was_made_is_found(error):
    # the truth is cut so that its pixel at `offset + error` shows what the bands begin with
    truth = Movable(detail_of(seen(-5 - error[0], -4 - error[1], 110)))
    details = detail_of(seen(0, 0))
    assert register(details, truth, (5, 4), panchromatic=True, reach=2) == error


def test_without_a_reach_the_georeferencing_is_believed():
    truth = Movable(detail_of(seen(1, 0)))
    found = register(detail_of(seen(0, 0)), truth, (0, 0), panchromatic=True, reach=0)
    assert found == (0, 0)


@pytest.mark.parametrize("reach", [0.5, 1, 1.5])
def test_no_error_beyond_the_reach_is_found(reach):
    truth = Movable(detail_of(seen(-7, -4, 110)))
    rows, columns = register(detail_of(seen(0, 0)), truth, (5, 4), panchromatic=True, reach=reach)
    assert rows == reach
    assert abs(columns) <= reach


def test_too_few_common_pixels_give_no_registration():
    truth = Movable(detail_of(seen(0, 0)))
    assert register(detail_of(seen(0, 0)), truth, (70, 0), panchromatic=True, reach=2) is None
