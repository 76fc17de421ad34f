"""How strong methods are, from comparisons of two: Bradley and Terry's model, with ties.

Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs", Biometrika 39, 324-345; ties by
Davidson 1970, "On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison
Experiments", Journal of the American Statistical Association 65, 317-328:

    P(i beats j) = p_i / s,  P(tie) = v sqrt(p_i p_j) / s,  s = p_i + p_j + v sqrt(p_i p_j)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from sen2naip_sr.arrays import Array

PRIOR = 4.0
"""Standard deviation, in units of the logarithmic strength, of a weak normal prior. It keeps the
strength of a method that never lost finite."""
WIN, LOSS, EVEN = 1, -1, 0


@dataclass(frozen=True)
class Strengths:
    """Logarithmic strengths, of which the mean is zero, with simultaneous intervals.

    Attributes:
        methods: The methods.
        values: (m,), natural logarithms: a difference of 1.1 wins three of four decisions.
        low: (m,), ends of the intervals.
        high: (m,), likewise.
        ties: v of the model: v / (2 + v) of the comparisons of equal methods are ties.
    """

    methods: tuple[str, ...]
    values: Array
    low: Array
    high: Array
    ties: float


def fit_strengths(
    methods: Sequence[str],
    first: Array,
    second: Array,
    outcomes: Array,
    confidence: float = 0.95,
) -> Strengths:
    """Fit the model to comparisons by the largest posterior density.

    Args:
        methods: The m methods.
        first: (n,), number of one method of each comparison.
        second: (n,), number of the other.
        outcomes: (n,), `WIN` if the first was preferred, `LOSS` if the second, `EVEN` for neither.
        confidence: Probability with which the intervals cover all strengths at once (Bonferroni).
    """
    m = len(methods)
    basis = np.linalg.svd(np.eye(m) - 1 / m)[0][:, : m - 1]  # of the vectors whose sum is zero

    def parts(x: Array) -> tuple[Array, Array, float]:
        strength = basis @ x[:-1]
        return strength, strength[first] - strength[second], float(x[-1])

    def loss(x: Array) -> tuple[float, Array]:
        strength, d, log_ties = parts(x)
        logits = np.stack([d / 2, -d / 2, np.full_like(d, log_ties)])
        top = logits.max(0)
        total = top + np.log(np.exp(logits - top).sum(0))
        chance = np.exp(logits - total)
        taken = np.stack([outcomes == WIN, outcomes == LOSS, outcomes == EVEN]).astype(float)
        value = -((taken * logits).sum(0) - total).sum() + (strength**2).sum() / (2 * PRIOR**2)
        value += log_ties**2 / (2 * PRIOR**2)
        slope = chance - taken
        by_d = (slope[0] - slope[1]) / 2
        of_first, of_second = (np.bincount(of, by_d, m) for of in (first, second))
        by_strength = of_first - of_second + strength / PRIOR**2
        by_ties = slope[2].sum() + log_ties / PRIOR**2
        return value, np.append(basis.T @ by_strength, by_ties)

    start = np.zeros(m)
    best = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7}).x
    covariance = np.linalg.inv(_hessian(lambda x: loss(x)[1], best))
    strength, _, log_ties = parts(best)
    deviation = np.sqrt(np.diag(basis @ covariance[:-1, :-1] @ basis.T))
    reach = norm.ppf(1 - (1 - confidence) / (2 * m)) * deviation
    low, high = strength - reach, strength + reach
    return Strengths(tuple(methods), strength, low, high, float(np.exp(log_ties)))


def simulate(
    strengths: Array, ties: float, first: Array, second: Array, random: np.random.Generator
) -> Array:
    """Return outcomes (n,) of judges whose strengths are known."""
    d = (strengths[first] - strengths[second]) / 2
    weights = np.stack([np.exp(d), np.exp(-d), np.full_like(d, ties)])
    cumulative = (weights / weights.sum(0)).cumsum(0)
    kind = (random.random(len(d)) > cumulative).sum(0)
    return np.array([WIN, LOSS, EVEN])[kind]


def coverage(simulations: int, comparisons: int, methods: int, seed: int = 0) -> float:
    """Return in which share of simulations the intervals hold all known strengths at once."""
    random = np.random.default_rng(seed)
    held = 0
    for _ in range(simulations):
        truth = random.normal(0, 0.8, methods)
        truth -= truth.mean()
        pairs = np.array([(i, j) for i in range(methods) for j in range(i + 1, methods)])
        first, second = pairs[np.arange(comparisons) % len(pairs)].T
        outcomes = simulate(truth, 0.6, first, second, random)
        found = fit_strengths([str(k) for k in range(methods)], first, second, outcomes)
        held += bool(np.all((found.low <= truth) & (truth <= found.high)))
    return held / simulations


def _hessian(gradient: Callable[[Array], Array], at: Array, step: float = 1e-5) -> Array:
    columns = []
    for k in range(len(at)):
        change = np.zeros_like(at)
        change[k] = step
        columns.append((gradient(at + change) - gradient(at - change)) / (2 * step))
    found = np.stack(columns)
    return (found + found.T) / 2
