"""What the experiment on intrinsic dimension found, in words."""

from collections.abc import Mapping, Sequence

from sen2naip_sr.experiments.dimension.estimators import Estimate
from sen2naip_sr.experiments.dimension.figure import TITLES
from sen2naip_sr.experiments.dimension.plan import Gains, called
from sen2naip_sr.experiments.running.length import nothing_said

AS_MANY_AS_WEIGHTS = (
    " These are as many dimensions as weights: the difference comes from training along random "
    "directions instead of weights, not from too few dimensions."
)


def describe_dimension(
    model: str,
    gains: Gains,
    share: float,
    estimates: Mapping[str, Sequence[Estimate]],
    short: Mapping[str, int] | None = None,
) -> str:
    """Say in words how many dimensions the task needs, and how many the points have.

    ``short`` are the trainings that were too short, with their steps.
    """
    points = "; ".join(f"{kind}: {_ranges(found)}" for kind, found in estimates.items())
    trainings = nothing_said(short) if short else _trainings(model, gains, share)
    return (
        f"{trainings} Intrinsic dimension of points of the training chips "
        f"[95 % interval], and of points whose dimension is known: {points}. Estimates above 10 "
        "are too low; the check shows by how much at least."
    )


def _trainings(model: str, gains: Gains, share: float) -> str:
    fewest, most = gains.steps
    steps = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
    whole = (
        f"{model} with all its {gains.weights:,} weights gains {gains.full:.2f} dB over bicubic on "
        f"the validation chips in {steps} steps"
    )
    if not gains.full > 0:
        return f"{whole}: there is no gain to reach a share of; train longer."
    if gains.reached is None:
        largest = max(gains.subspaces)
        missed = (
            f"{whole}. {called(share)} is not reached up to {largest:,} dimensions, which gain "
            f"{100 * gains.subspaces[largest] / gains.full:.0f} % of that."
        )
        return missed + AS_MANY_AS_WEIGHTS if largest == gains.weights else missed
    smallest = min(gains.subspaces)
    bound = "at most " if gains.reached == smallest else ""
    return (
        f"{whole}; {100 * share:g} % of that takes {bound}{gains.reached:,} dimensions "
        f"({called(share)}, {100 * gains.reached / gains.weights:.1f} % of the weights). "
        "The number depends on the number of steps."
    )


def _ranges(found: Sequence[Estimate]) -> str:
    return ", ".join(
        f"{estimate.dimension:.1f} [{estimate.low:.1f}, {estimate.high:.1f}] "
        f"({TITLES[estimate.estimator]})"
        for estimate in found
    )
