"""Which chips an experiment trains on and which it holds out. Never a test chip."""

from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import TEST, TRAIN, VALIDATION
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.network import starting_weights
from sen2naip_sr.training.parameters import NetworkParameters

UNSELECTED: dict[str, Any] = {"training": {"keep": "last", "patience": None, "target_psnr": None}}
"""Settings that keep held-out chips from choosing weights or stopping the training. The schedule is
left to the caller: see `refuse_plateau`."""


def without_test(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the splits without test chips: training chips train, validation chips are held out."""
    return splits[splits["split"] != TEST].reset_index(drop=True)


def fold_splits(splits: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Return the splits in which one fold is held out and all others train."""
    usable = without_test(splits)
    held_out = usable["fold"] == fold
    return usable.assign(split=held_out.map({True: VALIDATION, False: TRAIN}))


def on_itself(splits: pd.DataFrame, chips: list[int]) -> pd.DataFrame:
    """Return splits in which some training chips both train and are held out.

    Raises:
        UserError: If one of them is no training chip.
    """
    training = splits[splits["split"] == TRAIN]
    if strangers := sorted(set(chips) - set(training["chip"])):
        raise UserError(
            "not-a-training-chip",
            f"chip {strangers[0]} is no training chip",
            f"choose training chips; they lie between {training['chip'].min()} and "
            f"{training['chip'].max()}",
        )
    chosen = training[training["chip"].isin(chips)]
    both = [chosen, chosen.assign(split=VALIDATION)]
    return pd.concat(both, ignore_index=True)


def refuse_plateau(schedule: str) -> None:
    """Refuse the schedule that depends on held-out chips where they must not steer a training."""
    if schedule == "plateau":
        raise UserError(
            "schedule-not-allowed",
            "the schedule 'plateau' follows the held-out chips, which may only score the result",
            "choose another schedule, such as cosine",
        )


def require_unseen(model: str, parameters: NetworkParameters, splits: pd.DataFrame) -> None:
    """Check that initial weights were not trained on held-out places, those of validation.

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
