"""The parameters of one test set."""

import re

from pydantic import Field, model_validator

from sen2naip_sr.degradation import SCALE
from sen2naip_sr.parameters import Parameters


class PlaceParameters(Parameters):
    """A place to score: files, and what they are."""

    path: list[str] = Field(min_length=1)
    """Folders of GeoTIFFs, and GeoTIFFs."""
    sensor: str = ""
    """The sensor, as the table shows it."""
    pixel_metres: float | None = Field(None, gt=0)
    """The pixel size in metres, as the table shows it."""
    reduce: list[int] = Field([1], min_length=1)
    """Score the place once for each of these: images downsampled by this factor first, by area
    averaging."""
    tile: int | None = Field(None, ge=32)
    """Cut every file into tiles of at most this side, in pixels. Null: files stay whole."""
    bands: list[int] = Field([1, 2, 3, 4], min_length=1)
    """The bands to use, counted from 1."""
    value_range: str = "auto"
    """Digital numbers that become 0 and 1, whose difference is the peak of PSNR: auto, dtype or
    LOW:HIGH, chosen for each file as for upscaling."""
    date_pattern: str | None = None
    """Regular expression of the part of a file's path that tells the date. Files whose paths
    differ only there have the same location, and so do those with a CRS and equal bounds."""
    min_valid_fraction: float = Field(0.99, gt=0, le=1)
    """Images with a smaller share of valid pixels (not nodata) are left out."""

    @model_validator(mode="after")
    def _check(self) -> "PlaceParameters":
        if min(self.reduce) < 1:
            raise ValueError(f"reduce {self.reduce}: factors are 1 or more")
        if self.tile is not None and self.tile < 16 * SCALE * max(self.reduce):
            raise ValueError(
                f"tile {self.tile} is too small to be reduced {max(self.reduce)} times"
            )
        if self.date_pattern is not None:
            try:
                re.compile(self.date_pattern)
            except re.error as error:
                raise ValueError(f"date_pattern '{self.date_pattern}': {error}") from error
        return self
