"""Chips that an experiment may see, and which of them it holds out. Never a test chip."""

from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import TEST, TRAIN, VALIDATION
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.network import starting_weights
from sen2naip_sr.training.parameters import NetworkParameters

UNSELECTED: dict[str, Any] = {"training": {"keep": "last", "patience": None, "target_psnr": None}}
"""What a training takes in which held-out chips are to pick neither weights nor its end. The
schedule is the caller's: see `refuse_plateau`."""


def without_test(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all chips that are not tested on: train on train, hold out validation."""
    return splits[splits["split"] != TEST].reset_index(drop=True)


def fold_splits(splits: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Return the splits of one fold of a cross-validation.

    Args:
        splits: From `sen2naip_sr.chips.splits.make_splits`.
        fold: Whose chips are held out; all other folds train.
    """
    usable = without_test(splits)
    held_out = usable["fold"] == fold
    return usable.assign(split=held_out.map({True: VALIDATION, False: TRAIN}))


def on_itself(splits: pd.DataFrame, chips: list[int]) -> pd.DataFrame:
    """Return splits in which some training chips both train and are held out.

    Args:
        splits: From `sen2naip_sr.chips.splits.make_splits`.
        chips: Numbers of training chips.

    Raises:
        UserError: If one of them is none.
    """
    training = splits[splits["split"] == TRAIN]
    if strangers := sorted(set(chips) - set(training["chip"])):
        raise UserError(
            "not-a-training-chip",
            f"chip {strangers[0]} is no training chip",
            f"choose of {training['chip'].min()} to {training['chip'].max()}, as the splits say",
        )
    chosen = training[training["chip"].isin(chips)]
    both = [chosen, chosen.assign(split=VALIDATION)]
    return pd.concat(both, ignore_index=True)


def refuse_plateau(schedule: str) -> None:
    """Refuse the schedule that depends on held-out chips where they must not steer a training.

    Args:
        schedule: The name of a schedule.

    Raises:
        UserError: If it is that one.
    """
    if schedule == "plateau":
        raise UserError(
            "schedule-not-allowed",
            "the schedule 'plateau' follows the held-out chips, which may only score the result",
            "choose another schedule, such as cosine",
        )


def require_unseen(model: str, parameters: NetworkParameters, splits: pd.DataFrame) -> None:
    """Check that the weights that a training starts from have not seen what it holds out.

    Args:
        model: The network's name.
        parameters: Its parameters, which name the weights.
        splits: Held out are its validation chips.

    Raises:
        UserError: If the weights were trained on a held-out place, or are not there.
    """
    start = starting_weights(model, parameters)
    if start is None:
        return
    held_out = set(splits.loc[splits["split"] == VALIDATION, "place"])
    if seen := sorted(held_out & set(start.metadata.train_places)):
        raise UserError(
            "held-out-place-seen",
            f"the weights that '{model}' starts from were trained on the place '{seen[0]}', "
            "which is held out here to score a network that has not seen it",
            "start from weights that have not seen it, or from none",
        )
