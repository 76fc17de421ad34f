"""Images in memory, and the locations that they show."""

import re
from dataclasses import dataclass

from sen2naip_sr.arrays import Array

_DATE = re.compile(r"[-_](19|20)\d\d(?!\d).*$")


@dataclass(frozen=True)
class Image:
    """An image in memory.

    Attributes:
        values: (C, h, w), digital numbers.
        valid: (h, w), bool. None: every pixel is valid in every band.
        value_range: Digital numbers that become 0 and 1. Those of 8 bits are 0 and 255.
    """

    values: Array
    valid: Array | None
    value_range: tuple[float, float]


def location_of(place: str) -> str:
    """Return the name of a place without its date: dates of one ground are one location."""
    return _DATE.sub("", place)
