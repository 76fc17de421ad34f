"""The options of a request: those of the command line, but for what is the server's to choose."""

import re
from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters
from sen2naip_sr.raster.areas.reading import is_text
from sen2naip_sr.upscaling.parameters import (
    Level,
    Quality,
    Share,
    UpscalerParameters,
    Width,
    make_options,
)

NAMES = {"value_range": "range"}
"""Options whose name in the API differs."""


class Options(Parameters):
    """How to upscale a scene."""

    # not deferred: FastAPI would build it at the first request, and warn
    model_config = ConfigDict(use_attribute_docstrings=True, defer_build=False)

    model: str | None = None
    """A name from /v1/models. Left out: the server's default."""
    bands: str | None = Field(None, examples=["3,2,1,4", "B04,B03,B02,B08"])
    """Bands to use, in the order of training (red, green, blue, near-infrared): numbers from 1, or
    names, separated by commas. Left out: all."""
    nodata: float | None = None
    """The value that stands for no data. Left out: what the file declares."""
    bbox: str | None = Field(None, examples=["11.2,46.9,11.4,47.1"])
    """Box to upscale: least x, least y, greatest x, greatest y. Left out: the whole scene."""
    bbox_crs: str | None = Field(None, examples=["EPSG:4326"])
    """Coordinate system of the box. Left out: that of the scene."""
    window: str | None = Field(None, examples=["100,200,512,512"])
    """Window to upscale, in pixels of the scene: first column, first row, columns, rows."""
    aoi: str | None = Field(None, max_length=16_000)
    """Polygons to upscale, as the text of a GeoJSON. What lies outside of them gets nodata."""
    range: str = Field("auto", examples=["auto", "dtype", "0:10000"])
    """Digital numbers that are 0 and 1 to the network: auto, dtype, or LOW:HIGH."""
    noise: Level | Literal["auto"] = "auto"
    """Standard deviation of the scene's noise in digital numbers. auto: estimated."""
    blur: Width | Literal["auto", "recipe"] = "auto"
    """Width of the scene's blur in pixels, as the standard deviation of a Gaussian. auto:
    estimated. recipe: that of the images that the network was trained on."""
    compression: Quality | Literal["auto", "none"] = "auto"
    """JPEG quality that the scene was compressed with, from 50 to 100. auto: found in it."""
    sharpness: Share | Literal["auto"] = "auto"
    """Share of the network's correction that is added to the bicubic upscaling, from 0 to 1."""
    flat_areas: Literal["auto", "keep"] = "auto"
    """Areas without structure. auto: less correction there; keep: the same everywhere."""
    consistency: bool = False
    """Whether the downscaled result equals the scene."""
    ensemble: bool = False
    """Whether to average over eight flips and turns: a little better, eight times as slow."""

    @field_validator("aoi")
    @classmethod
    def _no_file_of_the_server(cls, aoi: str | None) -> str | None:
        if aoi is not None and not is_text(aoi):
            raise ValueError("give the text of a GeoJSON")
        return aoi

    def checked(self, default_model: str) -> UpscalerParameters:
        """Return the options as the upscaler takes them.

        Raises:
            UserError: If one is not valid; it says which.
        """
        given = self.model_dump(exclude={"model", "bands", "range"})
        bands = None if self.bands is None else [name.strip() for name in self.bands.split(",")]
        model = self.model or default_model
        try:
            return make_options(model=model, bands=bands, value_range=self.range, **given)
        except UserError as error:
            problem = error.problem
            for name, own in NAMES.items():
                problem = re.sub(rf"(^|; ){name}(?=:)", rf"\1{own}", problem)
            raise UserError(error.code, problem, "correct these parameters") from error


class JobOptions(Options):
    """How to upscale the scene of a job."""

    uncertainty: bool = False
    """Whether to compute per-pixel 90 % intervals too."""
