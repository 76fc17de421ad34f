"""Train, validation and test splits and cross-validation folds, grouped by place.

Slow imports are inside the functions, since listing the pipelines imports the parameters.
"""

import hashlib
import logging
import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters, describe_unknown

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

TRAIN, VALIDATION, TEST = "train", "validation", "test"


class SplitParameters(Parameters):
    """The split of chips into training, validation and test."""

    seed: int = 0
    """Draws the places of each split and of each fold."""
    test_places: list[str] | None = Field(default=None, min_length=1)
    """Names of the test places. Null: draw test_fraction of the places."""
    validation_places: list[str] | None = Field(default=None, min_length=1)
    """Names of the validation places. Null: draw validation_fraction of the other places."""
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    """Share of the places that are test places, rounded up."""
    validation_fraction: float = Field(default=0.15, gt=0, lt=1)
    """Share of the remaining places that are validation places, rounded up."""
    folds: int = Field(default=5, ge=2)
    """Cross-validation folds over all places but the test places; at most as many as places."""


def make_splits(index: "pd.DataFrame", parameters: SplitParameters) -> "pd.DataFrame":
    """Assign every chip to a split and a fold, so that no place and no footprint is in two.

    Places with chips of equal location, such as two folders with two dates of one scene or with
    scenes that overlap, are kept together.

    Args:
        index: Chips with columns chip, place and location.
        parameters: The parameters of splitting.

    Returns:
        Columns chip, place, location, split (train, validation, test) and fold (0, 1, ...; -1
        for test chips, which cross-validation must not use).

    Raises:
        UserError: If there are fewer than three places, or a named place does not exist.
    """
    import pandas as pd

    groups = group_places(index)
    _require_three(groups, index["place"].nunique())
    split = pd.Series(TRAIN, index=index.index)
    for name, places, fraction in (
        (TEST, parameters.test_places, parameters.test_fraction),
        (VALIDATION, parameters.validation_places, parameters.validation_fraction),
    ):
        free = split == TRAIN
        if places is None:
            chosen = _draw(groups[free], fraction, parameters.seed)
        else:
            chosen = _named(index[free], groups[free], places, name)
        split[chosen] = name
    if not (split == TRAIN).any():
        raise _nothing_left()
    table = index[["chip", "place", "location"]].copy()
    table["split"] = split
    table["fold"] = _folds(groups, split, parameters)
    return table


def refold(splits: "pd.DataFrame", folds: int, seed: int) -> "pd.DataFrame":
    """Return the splits of `make_splits` with other cross-validation folds.

    Raises:
        UserError: If there are fewer places besides the test places.
    """
    groups = group_places(splits)
    places = groups[splits["split"] != TEST].nunique()
    if folds > places:
        raise UserError(
            "too-many-folds",
            f"{folds} folds of whole places need as many places; only {places} are left beside "
            "the test places",
            f"ask for {places} folds at most, or add imagery of other places",
        )
    fold = _folds(groups, splits["split"], SplitParameters(folds=folds, seed=seed))
    return splits.assign(fold=fold)


def split_hash(splits: "pd.DataFrame") -> str:
    """Return a short hash of the split and the fold of every chip."""
    text = splits[["chip", "place", "split", "fold"]].to_csv(index=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def group_places(index: "pd.DataFrame") -> "pd.Series":
    """Return a group number per chip, equal within a place and for places that share locations."""
    import pandas as pd
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    places, _ = pd.factorize(index["place"])
    locations, _ = pd.factorize(index["location"])
    count = int(places.max()) + 1
    graph = coo_matrix(
        (np.ones(len(index)), (places, count + locations)),
        shape=(count + int(locations.max()) + 1,) * 2,
    )
    _, component = connected_components(graph, directed=False)
    return pd.Series(component[places], index=index.index)


def _require_three(groups: "pd.Series", places: int) -> None:
    if groups.nunique() < 3:
        shared = ""
        if places > groups.nunique():
            shared = f", which make {groups.nunique()} since they share ground (footprints overlap)"
        raise UserError(
            "too-few-places",
            f"the chips come from {places} place(s){shared}: training, validation and test need at "
            "least one each",
            "add imagery of other places, or count smaller areas as places",
        )


def _nothing_left() -> UserError:
    return UserError(
        "no-training-place",
        "no place is left to train on",
        "hold out fewer places (places that share ground go together), or lower the shares of "
        "validation and test",
    )


def _draw(groups: "pd.Series", fraction: float, seed: int) -> "pd.Index":
    """Draw a fraction of the groups, rounded up, and return their rows."""
    from sklearn.model_selection import GroupShuffleSplit

    count = groups.nunique()
    if math.ceil(fraction * count) >= count:
        raise _nothing_left()
    drawn = GroupShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    _, chosen = next(drawn.split(groups, groups=groups))
    return groups.index[chosen]


def _named(index: "pd.DataFrame", groups: "pd.Series", places: list[str], split: str) -> "pd.Index":
    """Return the rows of the named places and of all places that share locations with them."""
    known = sorted(index["place"].unique())
    for place in places:
        if place not in known:
            raise UserError(
                "unknown-place",
                describe_unknown(f"{split} place", place, known),
                "choose from the valid names: a place that is tested on, or that shares ground "
                "with one, cannot be used for validation",
            )
    return groups.index[groups.isin(groups[index["place"].isin(places)])]


def _folds(groups: "pd.Series", split: "pd.Series", parameters: SplitParameters) -> "pd.Series":
    import pandas as pd
    from sklearn.model_selection import GroupKFold

    fold = pd.Series(-1, index=groups.index)
    usable = groups[split != TEST]
    folds = min(parameters.folds, usable.nunique())
    if folds < parameters.folds:
        logger.debug("%d folds instead of %d: one place each", folds, parameters.folds)
    if folds >= 2:
        splitter = GroupKFold(n_splits=folds, shuffle=True, random_state=parameters.seed)
        for number, (_, held_out) in enumerate(splitter.split(usable, groups=usable)):
            fold[usable.index[held_out]] = number
    return fold


def spread(chips: Array, most: int) -> Array:
    """Return at most ``most`` chips, evenly spaced, with the first and the last among them."""
    if len(chips) <= most:
        return chips
    return chips[np.linspace(0, len(chips) - 1, most).round().astype(int)]
