import logging

import numpy as np
import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.estimators import ESTIMATORS, distinct, estimate_dimension


def embedded(points, values=30, seed=0):
    """Rotate points into a space of more dimensions, which changes no distance."""
    random = np.random.default_rng(seed)
    rotation = np.linalg.qr(random.normal(size=(values, values)))[0]
    return points @ rotation[:, : points.shape[1]].T


def sphere(dimension, count=1000, seed=0):
    points = np.random.default_rng(seed).normal(size=(count, dimension + 1))
    return embedded(points / np.linalg.norm(points, axis=1, keepdims=True))


def plane(dimension, count):
    return embedded(np.random.default_rng(0).normal(size=(count, dimension)), 20)


def swiss_roll(count):
    random = np.random.default_rng(0)
    # the root spreads the points evenly along the spiral
    angle = 1.5 * np.pi * (1 + 2 * np.sqrt(random.random(count)))
    roll = np.stack([angle * np.cos(angle), 20 * random.random(count), angle * np.sin(angle)], 1)
    return embedded(roll, 50)


# the error of two_nn is about 1.4 / root of the number of points: 2.6 %
MANIFOLDS = [
    *((sphere(dimension, 3000), dimension) for dimension in (1, 2, 3, 5, 8)),
    *((plane(dimension, 3000), dimension) for dimension in (2, 4, 8)),
    (swiss_roll(3000), 2),
]


@pytest.mark.parametrize(("points", "dimension"), MANIFOLDS)
def test_finds_the_dimension_of_known_manifolds(points, dimension):
    found = estimate_dimension(points)
    assert [estimate.estimator for estimate in found] == list(ESTIMATORS)
    for estimate in found:
        assert estimate.dimension == pytest.approx(dimension, rel=0.1)
        assert estimate.low < estimate.dimension < estimate.high
        assert (estimate.points, estimate.duplicates) == (3000, 0)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # low dimensions, where the estimators have no bias to speak of
    found = [estimate_dimension(sphere(2, 400, seed), seed=seed) for seed in range(20)]
    for estimates in zip(*found, strict=True):
        hits = sum(estimate.low <= 2 <= estimate.high for estimate in estimates)
        assert hits >= 16


def test_intervals_narrow_with_more_points():
    few, many = (estimate_dimension(sphere(3, count)) for count in (250, 2000))
    for one, other in zip(few, many, strict=True):
        assert other.high / other.low < one.high / one.low


def test_is_the_same_for_the_same_seed_only():
    points = sphere(3, 300)
    first, second, other = (estimate_dimension(points, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other
    # the seed deals the groups, the estimate is that of all points
    assert [e.dimension for e in first] == [e.dimension for e in other]


def test_neither_scale_nor_place_matters():
    points = sphere(3, 300)
    for one, other in zip(
        estimate_dimension(points), estimate_dimension(1e4 + 50 * points), strict=True
    ):
        assert one.dimension == pytest.approx(other.dimension, rel=1e-4)


def test_duplicates_are_left_out_and_said(caplog):
    points = sphere(2, 300)
    with caplog.at_level(logging.INFO):
        found = estimate_dimension(np.concatenate([points, points[:40], points[:10]]))
    assert "50 of 350 points" in caplog.text
    assert [(e.points, e.duplicates) for e in found] == [(300, 50)] * 2
    assert [e.dimension for e in found] == [e.dimension for e in estimate_dimension(points)]


def test_distinct_points_keep_their_order():
    assert distinct(np.array([[3, 1], [0, 0], [3, 1], [1, 2], [0, 0]])).tolist() == [0, 1, 3]


def test_points_of_a_chip_stay_together():
    # chips that lie on planes apart: what varies is from chip to chip
    random = np.random.default_rng(0)
    chips = np.repeat(np.arange(20), 50)
    dimensions = np.repeat(random.integers(1, 6, 20), 50)
    spread = np.arange(8) < dimensions[:, None]
    points = 100 * chips[:, None] + random.normal(size=(1000, 8)) * spread
    mle, together = (estimate_dimension(points, chips=c)[1] for c in (None, chips))
    assert mle.dimension == together.dimension
    assert together.high / together.low > 1.2 * mle.high / mle.low


def test_chips_fewer_than_groups():
    points = sphere(2, 300)
    two = estimate_dimension(points, chips=np.arange(300) % 2)
    assert all(0 < e.low < e.dimension < e.high for e in two)
    one = estimate_dimension(points, chips=np.zeros(300, int))
    assert all(np.isnan([e.low, e.high]).all() for e in one)
    assert [e.dimension for e in one] == [e.dimension for e in two]


def test_values_that_are_the_same_in_all_points_do_not_matter():
    points = sphere(2, 300)
    wider = np.concatenate([points, np.full((300, 3), 7.0)], axis=1)
    for one, other in zip(estimate_dimension(points), estimate_dimension(wider), strict=True):
        assert one.dimension == pytest.approx(other.dimension)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.ones((500, 4)), "all 500 points are equal"),
        (sphere(2, 150), "150 distinct points are too few for 10 groups with 10 neighbours"),
        (np.zeros((500, 1)), "points of 1 values"),
        (np.full((500, 4), np.nan), "no numbers"),
    ],
)
def test_refuses_points_without_a_dimension(points, message):
    with pytest.raises(UserError, match=message):
        estimate_dimension(points)


@pytest.mark.parametrize(
    ("points", "options"),
    [
        (np.ones(5), {}),
        (np.ones((5, 2)), {"chips": np.ones(4)}),
        (np.ones((5, 2)), {"neighbours": 1}),
        (np.ones((5, 2)), {"groups": 1}),
    ],
)
def test_refuses_arguments_that_do_not_fit(points, options):
    with pytest.raises(ValueError, match="must be"):
        estimate_dimension(points, **options)
