"""Imagery that a training must not see: places of validation and test, at any date."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.training.mixture.images import location_of

if TYPE_CHECKING:
    import pandas as pd

SIDES = ["left", "bottom", "right", "top"]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class HeldOut:
    """Locations by their names, and their footprints.

    Attributes:
        locations: Names without dates.
        footprints: By coordinate system, left, bottom, right and top of each, (n, 4).
    """

    locations: frozenset[str]
    footprints: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, index: "pd.DataFrame", trained: Array, more: Iterable[str] = ()) -> "HeldOut":
        """Return what chips show that are not of a place that is trained on.

        Args:
            index: All chips, with columns chip, place and, where known, crs and bounds.
            trained: Numbers of the chips to train on.
            more: Names of further places.
        """
        places = set(index.loc[index["chip"].isin(trained), "place"])
        others = index[~index["place"].isin(places)]
        names = frozenset(ground(place) for place in [*others["place"].unique(), *more])
        if not {"crs", *SIDES} <= set(index.columns):
            return cls(names)
        located = others[others["crs"] != ""].groupby("crs")
        return cls(names, {str(crs): group[SIDES].to_numpy() for crs, group in located})

    def shows(self, place: str, crs: str = "", bounds: Bounds | None = None) -> bool:
        """Return whether imagery of this place, or with this footprint, must not be seen."""
        if ground(place) in self.locations:
            return True
        footprints = self.footprints.get(crs)
        if footprints is None or bounds is None:
            return False
        left, bottom, right, top = bounds
        apart = (footprints[:, 0] >= right) | (footprints[:, 2] <= left)
        apart |= (footprints[:, 1] >= top) | (footprints[:, 3] <= bottom)
        return not bool(np.all(apart))


def ground(place: str) -> str:
    """Return the location of a place: its last name, without file ending and date."""
    path = PurePosixPath(place)
    return location_of(path.stem if path.suffix.lower() in {".tif", ".tiff"} else path.name)


def listed(names: Collection[str]) -> str:
    """Return names in order, joined by commas."""
    return ", ".join(sorted(names))
