"""Which chips an experiment trains on and which it holds out. Never a test chip."""

from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import TEST, TRAIN, VALIDATION
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.seen import ChipsContent, place_seen
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.start import starting_weights

HELD_OUT = "held-out"

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


def require_unseen(
    model: str, parameters: NetworkParameters, splits: pd.DataFrame, hr: Store | None = None
) -> None:
    """Check that initial weights were not trained on held-out ground, that of validation.

    Args:
        model: The network's name.
        parameters: Its parameters, which name the initial weights.
        splits: Which chips are held out.
        hr: HR chips, compared by ground and looks; None: names of places are compared.

    Raises:
        UserError: If the weights were trained on it, under whatever name, or are not there.
    """
    start = starting_weights(model, parameters)
    if start is None:
        return
    chips, known = splits[splits["split"] == VALIDATION], start.metadata
    if hr is not None:
        seen = ChipsContent(hr, chips).seen_by(known, HELD_OUT)
    else:
        place = place_seen(known, set(chips["place"]))
        seen = f"the {HELD_OUT} place {place}" if place else None
    if seen:
        raise UserError(
            "held-out-place-seen",
            f"the weights that '{model}' starts from were trained on {seen}; it is held out "
            "to score a network that has not seen it",
            "start from weights that have not seen it, or from none",
        )
