"""Whether weights have seen the test chips, and what they were trained on."""

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


class TestChips:
    """The test chips of a store as content: their ground and their looks, which are read once.

    Args:
        hr: HR chips.
        splits: Which of them are tested on.
    """

    __test__ = False  # for pytest, which collects classes by their names

    def __init__(self, hr: Store, splits: pd.DataFrame) -> None:
        self._hr = hr
        self._numbers = splits.loc[splits["split"] == TEST, "chip"].to_numpy()

    def require_unseen(self, metadata: WeightsMetadata, remedy: str) -> None:
        """Check that weights were not trained on ground of these chips, under whatever name.

        Weights that do not record what they have seen pass: only names can be compared then.

        Raises:
            UserError: If they were; it says how many chips, and names one.
        """
        if metadata.seen is None or not len(self._numbers):
            return
        shown = metadata.seen.shows(*self._content)
        if not shown.any():
            return
        first = self._numbers[np.flatnonzero(shown)[0]]
        name = f"chip {first}"
        if self._hr.index is not None:
            name = self._hr.index.set_index("chip").loc[first].get("file", name)
        raise UserError(
            "test-ground-seen",
            f"its weights were trained on ground that {int(shown.sum())} of the "
            f"{len(self._numbers)} test chips show, such as {name}",
            remedy,
        )

    @cached_property
    def _content(self) -> tuple[Footprints, Array]:
        return content_of(self._hr.index, self._hr.chips, self._numbers)


def origin_of(weights: Weights, hr: Store, splits: pd.DataFrame) -> str:
    """Return what weights were trained on, where that is not the imagery of this run; else ""."""
    known = weights.metadata
    words = []
    if weights.shipped:
        words.append("shipped")
    elif known.data_hash != hr.manifest.content or known.split_hash != split_hash(splits):
        words.append("another run")
    if known.synthetic and not hr.attributes["synthetic"]:
        words.append("synthetic images")
    if words and (known.seen is None or not known.seen.complete):
        words.append(BY_NAME)
    return ", ".join(words)
