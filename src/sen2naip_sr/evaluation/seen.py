"""Whether weights have seen the images that they are to be scored on, and where they are from."""

from collections.abc import Collection
from functools import cached_property

import numpy as np
import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.splits import TEST, split_hash
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import BY_NAME
from sen2naip_sr.weights.files import Weights, WeightsMetadata
from sen2naip_sr.weights.seen import content_of


def place_seen(metadata: WeightsMetadata, places: Collection[str]) -> str | None:
    """Return a place that weights were trained on by its name, if only names can tell.

    What weights have seen is compared as content. Names tell of those that do not record all of
    it, and are not asked otherwise: two places can have one name.
    """
    if metadata.seen is not None and metadata.seen.complete:
        return None
    return next(iter(sorted(set(places) & set(metadata.train_places))), None)


class ChipsContent:
    """Chips of a store as content: their ground and their looks, which are read once.

    Args:
        hr: HR chips.
        chips: Which of them: columns chip and place.
    """

    def __init__(self, hr: Store, chips: pd.DataFrame) -> None:
        self._hr = hr
        self._numbers = chips["chip"].to_numpy()
        self._places = set(chips["place"])

    def seen_by(self, metadata: WeightsMetadata, kind: str) -> str | None:
        """Return what weights have seen of these chips under whatever name, in words, if anything.

        Args:
            metadata: Of the weights.
            kind: What the chips are for, such as "test".
        """
        if place := place_seen(metadata, self._places):
            return f"the {kind} place {place}"
        if metadata.seen is None or not len(self._numbers):
            return None
        shown = metadata.seen.shows(*self._content)
        if not shown.any():
            return None
        first = self._numbers[np.flatnonzero(shown)[0]]
        name = f"chip {first}"
        if self._hr.index is not None:
            name = self._hr.index.set_index("chip").loc[first].get("file", name)
        return (
            f"ground that {int(shown.sum())} of the {len(self._numbers)} {kind} chips show, such "
            f"as {name}"
        )

    @cached_property
    def _content(self) -> tuple[Footprints, Array]:
        return content_of(self._hr.index, self._hr.chips, self._numbers)


class TestChips(ChipsContent):
    """The test chips of a store.

    Args:
        hr: HR chips.
        splits: Which of them are tested on.
    """

    __test__ = False  # for pytest, which collects classes by their names

    def __init__(self, hr: Store, splits: pd.DataFrame) -> None:
        super().__init__(hr, splits[splits["split"] == TEST])

    def require_unseen(self, metadata: WeightsMetadata, remedy: str) -> None:
        """Check that weights were not trained on ground of these chips, under whatever name.

        Raises:
            UserError: If they were; it says how many chips, and names one.
        """
        if found := self.seen_by(metadata, "test"):
            raise UserError("test-ground-seen", f"its weights were trained on {found}", remedy)


def origin_of(
    weights: Weights,
    hr: Store | None = None,
    splits: pd.DataFrame | None = None,
    *,
    anew: bool = False,
) -> str:
    """Return where weights are from if they were not trained by this run on its imagery; else "".

    Args:
        weights: The weights.
        hr: HR chips of this run; None: it has none.
        splits: Their splits.
        anew: Whether this run trained networks: then all others are of another run.
    """
    known = weights.metadata
    words = []
    differs = hr is not None and known.data_hash != hr.manifest.content
    differs |= splits is not None and known.split_hash != split_hash(splits)
    if weights.shipped:
        words.append("shipped")
    elif differs or (anew and not weights.new):
        words.append("another run")
    if known.synthetic and not (hr is not None and hr.attributes["synthetic"]):
        words.append("synthetic images")
    if words and (known.seen is None or not known.seen.complete):
        words.append(BY_NAME)
    return ", ".join(words)
