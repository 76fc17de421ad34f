"""The parameters of ingestion."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sen2naip_sr.parameters import Parameters, known_as, numbers_in, require_bands_exist
from sen2naip_sr.sources import SOURCES


class SampleParameters(Parameters):
    """The embedded sample: seeded synthetic landscapes."""

    seed: int = 0
    """Seeds the landscapes."""
    places: int = Field(default=8, ge=3)
    """Places, each with its own land cover and light."""
    chips_per_place: int = Field(default=12, ge=1)
    """Chips in every place."""
    size: int = Field(default=256, ge=32, le=1024)
    """Side of a chip in pixels."""


class Sen2NaipParameters(Parameters):
    """The download of SEN2NAIP, used if no local copy is given."""

    repo: str = "isp-uv-es/SEN2NAIP"
    """Dataset repository on the Hugging Face hub."""
    filename: str = "cross-sensor/cross-sensor.zip"
    """The archive within the repository."""
    revision: str = "79e93461ad93911ebcd5aa0f342376e4c41e8743"
    """The commit that the original experiment used."""
    endpoint: str | None = None
    """Another server with the hub's interface; null is the hub itself."""
    expected_rois: int | None = 2851
    """Fewer regions than this trigger a warning; null accepts any number."""


class IngestionParameters(Parameters):
    """The imagery, and how it is cut into chips."""

    source: Annotated[str, known_as("source", SOURCES)] = "sample"
    """The source of the imagery."""
    path: str | None = None
    """directory: the folder; sen2naip: a local copy of the zip (null downloads it)."""
    drivers: list[str] = Field(default=[])
    """GDAL's names of drivers that may open files besides those of GeoTIFF, JPEG 2000, PNG, JPEG,
    GeoPackage and VRT (such as ENVI). Allow only what you need: some open other files."""
    raw_folder: str = "data/01_raw"
    """The folder of the sample and of the download of SEN2NAIP."""
    chip_size: int | None = Field(default=None, ge=16, le=4096)
    """Side of a chip in pixels, even. Null: the most common side of the files, if that is at most
    512, else 484 (SEN2NAIP's)."""
    reduce: int = Field(default=1, ge=1, le=64)
    """Downsample chips by this factor first, by area averaging: 4 turns pixels of 0.6 m into pixels
    of 2.4 m. `chip_size` is the side before that."""
    bands: int | list[int | str] = 4
    """The number of bands that files must have besides an alpha band, or the bands to use, by
    number, from 1, or by name (on the command line: "4;3;2;1" or "B04;B03;B02;B08")."""
    nodata: float | None = None
    """The value that stands for no data, instead of what files declare. Null: that."""
    value_range: tuple[float, float] | None = None
    """Digital numbers that map to 0 and 1 (reflectance x 10000: [0, 10000]). Null: the range of the
    integer dtype. Floats have no range of their own and need one here."""
    place: Literal["auto", "folder", "grid", "file"] = "auto"
    """What counts as one place; all chips of a place are in the same split. `folder`: the file's
    folder. `grid`: the cell of grid_metres that contains the chip's centre; files without a CRS are
    places of their own. `file`: every file. `auto`: the first of folder and grid that gives at
    least five places; otherwise the first that gives three, the fewest that can be split; otherwise
    file, with a warning if there are several."""
    grid_metres: float = Field(default=5000.0, gt=0)
    """Side of a grid cell on the ground."""
    date_pattern: str | None = None
    """Regular expression of the part of a file's path that tells the date, such as "-(new|old)-".
    Files whose paths differ only there have the same location. Chips with a CRS whose footprints
    overlap have the same location in any case."""
    min_valid_fraction: float = Field(default=0.99, gt=0, le=1)
    """Chips with a smaller share of valid pixels, over all bands, are rejected. Pixels are invalid
    where nodata values, masks, alpha bands or NaN say so. In the other chips they are filled from
    the valid pixels around them, and count in no loss and no score."""
    leave_out: str | None = None
    """A CSV file whose column ``digest`` lists chips to leave out, by the hash of their pixels: the
    bad chips that people flagged. Null: none."""
    sample: SampleParameters = SampleParameters()
    sen2naip: Sen2NaipParameters = Sen2NaipParameters()

    @field_validator("bands", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, bands: Any) -> Any:
        return numbers_in(bands)

    @model_validator(mode="after")
    def _check(self) -> "IngestionParameters":
        if self.source == "directory" and not self.path:
            raise ValueError(
                "source 'directory' needs a path: give the folder that holds the GeoTIFFs"
            )
        if self.chip_size is not None and self.chip_size % 2:
            raise ValueError(f"chip_size {self.chip_size} is odd: a chip is halved, make it even")
        if isinstance(self.bands, list):
            if not self.bands:
                raise ValueError("bands []: at least one band is needed")
            require_bands_exist(self.bands)
        if isinstance(self.bands, int) and self.bands < 1:
            raise ValueError(f"bands {self.bands}: at least one band is needed")
        if self.date_pattern is not None:
            try:
                re.compile(self.date_pattern)
            except re.error as error:
                raise ValueError(
                    f"date_pattern '{self.date_pattern}' is no regular expression: {error}"
                ) from error
        if self.value_range is not None and self.value_range[0] >= self.value_range[1]:
            raise ValueError(f"value_range {list(self.value_range)}: the first must be smaller")
        return self
