"""Imagery that a training must not see: places of validation and test, at any date."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.training.mixture.images import location_of
from sen2naip_sr.weights.seen import Seen

if TYPE_CHECKING:
    import pandas as pd

    from sen2naip_sr.chips.shards import ShardedArray

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class HeldOut:
    """Locations by their names, and imagery as content.

    Attributes:
        locations: Names without dates.
        content: The ground that is held out, and its looks.
    """

    locations: frozenset[str]
    content: Seen = field(default_factory=Seen)

    @classmethod
    def of(
        cls,
        index: "pd.DataFrame",
        chips: "ShardedArray",
        trained: Array,
        more: Iterable[str] = (),
    ) -> "HeldOut":
        """Return what chips show that are not of a place that is trained on.

        Args:
            index: All chips, with columns chip, place and, where known, crs and transform.
            chips: Their pixels.
            trained: Numbers of the chips to train on.
            more: Names of further places.
        """
        places = set(index.loc[index["chip"].isin(trained), "place"])
        others = index[~index["place"].isin(places)]
        names = frozenset(ground(place) for place in [*others["place"].unique(), *more])
        return cls(names, Seen.in_chips(index, chips, others["chip"].to_numpy()))

    def names(self, place: str) -> bool:
        """Return whether imagery of this place must not be seen, at any date."""
        return ground(place) in self.locations

    def shows(self, where: Footprints, looks: Array | None = None) -> Array:
        """Return which images (n,) must not be seen, bool; see `Seen.shows`."""
        return self.content.shows(where, looks)


def ground(place: str) -> str:
    """Return the location of a place: its last name, without file ending and date."""
    path = PurePosixPath(place)
    return location_of(path.stem if path.suffix.lower() in {".tif", ".tiff"} else path.name)


def listed(names: Collection[str]) -> str:
    """Return names in order, joined by commas."""
    return ", ".join(sorted(names))
