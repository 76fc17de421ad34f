"""Estimates of the intrinsic dimension of points.

Both estimators measure how fast the number of neighbours grows with distance, and come from
scikit-dimension (Bac et al. 2021, https://arxiv.org/abs/2109.02596):

- ``two_nn``: Facco et al. 2017, "Estimating the intrinsic dimension of datasets by a minimal
  neighborhood information", https://doi.org/10.1038/s41598-017-11873-y, from the ratio of the
  distances to the second and the first neighbour. It measures the finest scale, noise included.
- ``mle``: Levina and Bickel 2005, "Maximum Likelihood Estimation of Intrinsic Dimension", over
  more neighbours, and thus a coarser scale, with far less variance. Points are combined by the
  mean of the inverses (MacKay and Ghahramani 2005, a comment on that paper).

Both assume a constant density within a neighbourhood. In high dimensions there are too few points
for that, and most lie near a boundary: estimates above about 10 are too low.
"""

import logging
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.stats import t as student
from skdim.id import MLE, TwoNN
from sklearn.neighbors import NearestNeighbors

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError

EstimatorName = Literal["two_nn", "mle"]
ESTIMATORS: tuple[EstimatorName, ...] = get_args(EstimatorName)

PARTITIONS = 4
"""How often the points are divided into groups; the variances are averaged."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Estimate:
    """An intrinsic dimension and its 95 % interval.

    Attributes:
        estimator: The estimator's name.
        dimension: The estimate.
        low: Lower end of the interval; NaN where all points are of one chip.
        high: Upper end of the interval; NaN likewise.
        points: The number of distinct points.
        duplicates: The number of points left out because they equal another one.
    """

    estimator: EstimatorName
    dimension: float
    low: float
    high: float
    points: int
    duplicates: int


def estimate_dimension(
    points: Array,
    *,
    neighbours: int = 10,
    groups: int = 10,
    chips: Array | None = None,
    seed: int = 0,
) -> list[Estimate]:
    """Estimate the intrinsic dimension of points by every estimator.

    The interval is one of random groups (Wolter 2007, Introduction to Variance Estimation, chapter
    2). The points are divided into disjoint groups, each is estimated separately, and the standard
    deviation of the logarithms, divided by the square root of the number of groups, is the standard
    error of the whole. Neighbours within a group are farther apart, so only the spread of the
    groups is used, not their mean. The interval is Student's with one degree of freedom less than
    there are groups. It covers the sampling noise of the points, not the bias of an estimator.

    A bootstrap would draw points twice, at distance zero, where the estimators are not defined. A
    jackknife of overlapping subsets overestimates the noise (by a quarter for halves).

    Of equal points only one is kept, since they result from rounding. Their number stands in the
    result and in the log. Rounding also puts neighbours at equal distances, which makes estimates
    of small patches of 8-bit imagery too high.

    Args:
        points: (N, F), finite, any real dtype, F at least 2.
        neighbours: Neighbours of a point that ``mle`` uses, at least 2.
        groups: The number of groups, at least 2 and at most the number of chips.
        chips: The chip of each point (N,). All points of a chip go into one group, so that the
            interval covers the variation between chips; there is none for a single chip. None:
            points are independent.
        seed: Seeds the division into groups; equal arguments give equal results.

    Returns:
        One estimate for each of `ESTIMATORS`.

    Raises:
        UserError: If points are not finite, have fewer than two values or are all equal, or if
            there are too few distinct points for the groups and neighbours.
        ValueError: If the shapes do not fit, or ``neighbours`` or ``groups`` is below 2.
    """
    _refuse_shapes(points, chips, neighbours, groups)
    kept = distinct(points)
    duplicates = len(points) - len(kept)
    if duplicates:
        logger.info("%d of %d points equal another one and are left out", duplicates, len(points))
    if len(kept) < 2:
        raise UserError(
            "points-equal",
            f"all {len(points)} points are equal: they have no dimension",
            "take points from places or chips that differ",
        )
    origins = np.arange(len(kept)) if chips is None else chips[kept]
    values = points[kept].astype(np.float64)
    values -= values.mean(axis=0)
    reaches = _reaches(values, origins, neighbours, groups, seed).tolist()
    found = zip(ESTIMATORS, _estimates(values, neighbours).tolist(), reaches, strict=True)
    return [Estimate(name, d, d / r, d * r, len(kept), duplicates) for name, d, r in found]


def distinct(points: Array) -> Array:
    """Return the numbers of the points (N, F) that equal no earlier one, ascending."""
    _, first = np.unique(points, axis=0, return_index=True)
    return np.sort(first)


def _reaches(values: Array, origins: Array, neighbours: int, groups: int, seed: int) -> Array:
    """Return the factor (estimators,) between each estimate and the ends of its interval."""
    _, origins = np.unique(origins, return_inverse=True)
    groups = min(groups, int(origins.max()) + 1)
    generator = np.random.default_rng(seed)
    variances = []
    for _ in range(PARTITIONS):
        group = _divide(origins, groups, generator)
        smallest = np.bincount(group).min()
        # otherwise a point's neighbours would be more than half of its group
        if smallest < 2 * neighbours:
            raise UserError(
                "too-few-points",
                f"{len(values)} distinct points are too few for {groups} groups with {neighbours} "
                f"neighbours per point: one group has {smallest}, and needs {2 * neighbours}",
                "take more points, from more chips, or fewer neighbours or groups",
            )
        if groups == 1:
            return np.full(len(ESTIMATORS), np.nan)
        logs = [np.log(_estimates(values[group == g], neighbours)) for g in range(groups)]
        variances.append(np.var(logs, axis=0, ddof=1) / groups)
    return np.exp(student.ppf(0.975, groups - 1) * np.sqrt(np.mean(variances, axis=0)))


def _divide(origins: Array, groups: int, generator: np.random.Generator) -> Array:
    """Return the group of each point; points of one origin share a group.

    In random order, each origin goes to a group that has the fewest points so far.
    """
    counts = np.bincount(origins)
    sizes, group = np.zeros(groups, int), np.empty(len(counts), int)
    for origin in generator.permutation(len(counts)):
        group[origin] = sizes.argmin()
        sizes[group[origin]] += counts[origin]
    return group[origins]


def _estimates(values: Array, neighbours: int) -> Array:
    """Return the estimates from distinct points, in the order of `ESTIMATORS`."""
    search = NearestNeighbors(n_neighbors=neighbours).fit(values)
    distances, indices = search.kneighbors()
    # points closer than floating-point distances resolve are at distance zero
    apart = distances[:, 0] > 0
    distances, indices = distances[apart], indices[apart]
    found: dict[EstimatorName, float] = {
        "two_nn": TwoNN(dist=True).fit(distances[:, :2]).dimension_,
        "mle": MLE().fit(values, precomputed_knn_arrays=(distances, indices)).dimension_,
    }
    return np.array([found[name] for name in ESTIMATORS])


def _refuse_shapes(points: Array, chips: Array | None, neighbours: int, groups: int) -> None:
    if points.ndim != 2 or (chips is not None and chips.shape != points.shape[:1]):
        shapes = points.shape, None if chips is None else chips.shape
        raise ValueError("points must be (N, F) and chips (N,): got {} and {}".format(*shapes))
    if min(neighbours, groups) < 2:
        raise ValueError(f"{neighbours} neighbours and {groups} groups: both must be 2 or more")
    if points.shape[1] < 2:
        raise UserError(
            "points-too-short",
            f"points of {points.shape[1]} values have no intrinsic dimension",
            "take larger patches or more bands",
        )
    if not np.isfinite(points).all():
        raise UserError(
            "points-not-finite",
            "some points hold values that are no numbers",
            "leave out chips with invalid pixels",
        )
