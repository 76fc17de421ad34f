"""Which subspaces are trained for the intrinsic dimension, and the gains in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.d90 import d90
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.running.held_out import UNSELECTED, refuse_plateau, without_test
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.subspace import count_weights, subspace_learning_rate
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.parameters import summarise
from sen2naip_sr.training.parameters import NetworkParameters

WHOLE = "all weights"
FROM_BICUBIC = {"start_from": None}
"""A gain over bicubic is measured from an untrained network, which is bicubic."""


def plan_subspaces(
    parameters: IntrinsicDimensionParameters,
    model: str,
    network: Mapping[str, Any],
    splits: pd.DataFrame,
    bands: int,
) -> list[Variation]:
    """Return the training with all weights and one for each subspace; validation is held out.

    Raises:
        UserError: If a parameter of the training or the network's size is not valid, the
            network has fewer weights than every subspace has dimensions, or what is held out
            would steer the training.
    """
    own = {"architecture": parameters.architecture or {}, "training": {"seed": parameters.seed}}
    try:
        whole = varied(network, own, {"training": parameters.training}, UNSELECTED, FROM_BICUBIC)
    except ValidationError as error:
        raise UserError(
            "variation-invalid", f"intrinsic dimension: {summarise(error)}", "correct it"
        ) from error
    refuse_plateau(whole.training.schedule.name)
    weights = count_weights(build_model(model, bands, **whole.architecture))
    dimensions = sorted({d for d in parameters.dimensions if d <= weights})
    if not dimensions:
        raise UserError(
            "subspaces-too-large",
            f"the network has {weights:,} weights, and the smallest subspace asked for has "
            f"{min(parameters.dimensions):,} dimensions",
            f"choose dimensions up to {weights}",
        )
    usable = without_test(splits)
    return [Variation(WHOLE, model, whole, usable, {"subspace": "none"})] + [
        Variation(
            f"{dimension} dimensions",
            model,
            _in_subspace(whole, dimension, weights),
            usable,
            {"subspace": str(dimension)},
            subspace=dimension,
        )
        for dimension in dimensions
    ]


def _in_subspace(whole: NetworkParameters, dimension: int, weights: int) -> NetworkParameters:
    rate = subspace_learning_rate(whole.training.learning_rate, dimension, weights)
    return varied(whole.model_dump(mode="json"), {"training": {"learning_rate": rate}})


@dataclass(frozen=True)
class Gains:
    """Gains of the trainings over bicubic on the validation chips, dB.

    Attributes:
        full: With all weights.
        subspaces: By the subspace's dimension.
        weights: The number of weights.
        steps: The fewest and the most steps of a training; they differ if budgets are in minutes.
        reached: The smallest dimension that reaches the share of ``full``; None if none does, or
            nothing is gained.
    """

    full: float
    subspaces: dict[int, float]
    weights: int
    steps: tuple[int, int]
    reached: int | None

    @classmethod
    def of(
        cls, variations: Sequence[Variation], outcomes: Sequence[Outcome], share: float
    ) -> "Gains":
        """Take the gains of the outcomes that did not fail.

        Raises:
            UserError: If the training with all weights failed, or those in all subspaces.
        """
        pairs = list(zip(variations, outcomes, strict=True))
        (whole,) = [outcome for variation, outcome in pairs if variation.subspace is None]
        inside = {variation.subspace: outcome for variation, outcome in pairs if variation.subspace}
        needed = [whole] if whole.error else list(inside.values())
        if all(outcome.error for outcome in needed):
            raise UserError(
                "training-failed",
                f"the training '{needed[0].name}' failed, without which there is no intrinsic "
                f"dimension: {needed[0].error}",
                "correct that, and run again: finished trainings are kept",
            )
        subspaces = {d: gain(outcome) for d, outcome in inside.items() if not outcome.error}
        full = gain(whole)
        reached = d90(subspaces, full, share) if full > 0 else None
        steps = [outcome.steps for outcome in outcomes if not outcome.error]
        return cls(full, subspaces, whole.parameters, (min(steps), max(steps)), reached)


def gain(outcome: Outcome) -> float:
    """Return a training's gain in validation PSNR, dB: the last value minus the first.

    An untrained network equals bicubic, so that step 0 of its curve is the PSNR of bicubic on the
    same chips.
    """
    return outcome.curve[-1][1] - outcome.curve[0][1]


def tabulate(
    variations: Sequence[Variation], outcomes: Sequence[Outcome], gains: Gains, share: float
) -> pd.DataFrame:
    """Return one row for each training, the subspaces by dimension and all weights last.

    Returns:
        Columns training, dimension, weights, psnr and bicubic (validation chips, dB), gain, share
        (of the gain with all weights; NaN if there is none), steps, learning_rate, seconds, and
        d90 (named by the share; the same in all rows, empty if it is not reached).
    """
    rows = [
        {
            "training": outcome.name,
            "dimension": variation.subspace or outcome.parameters,
            "weights": outcome.parameters,
            "psnr": outcome.curve[-1][1],
            "bicubic": outcome.curve[0][1],
            "gain": gain(outcome),
            "share": gain(outcome) / gains.full if gains.full > 0 else float("nan"),
            "steps": outcome.steps,
            "learning_rate": variation.parameters.training.learning_rate,
            "seconds": outcome.seconds,
        }
        for variation, outcome in zip(variations, outcomes, strict=True)
        if not outcome.error
    ]
    table = pd.DataFrame(rows[1:] + rows[:1])
    return table.assign(**{called(share): pd.array([gains.reached] * len(table), dtype="Int64")})


def called(share: float) -> str:
    """Return the name of the dimension that reaches a share, for instance d90."""
    return f"d{100 * share:.0f}"
