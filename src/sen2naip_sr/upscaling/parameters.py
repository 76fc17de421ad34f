"""The parameters of upscaling: how, and what and where to. Imports no torch, for quick start-up."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.values import parse_range
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.parameters import (
    Parameters,
    known_as,
    numbers_in,
    require_bands_exist,
    split_numbers,
    summarise,
)
from sen2naip_sr.raster.products.variants import VARIANTS
from sen2naip_sr.weights.names import DEFAULT, shipped_names

Level = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Width = Annotated[float, Field(gt=0, le=2)]
Quality = Annotated[float, Field(ge=50, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
if TYPE_CHECKING:
    from sen2naip_sr.raster.areas.area import Area, Sized
    from sen2naip_sr.raster.areas.choice import AreaChoice
    from sen2naip_sr.raster.georeferencing import Georeferencing


PARTS = 4
"""Numbers of a box or a window."""


def _four(numbers: Any) -> Any:
    """Return the numbers of an area, of which there are four."""
    found = split_numbers(numbers)
    if isinstance(found, list | tuple) and len(found) != PARTS:
        raise ValueError(f"{len(found)} numbers, and an area has {PARTS}")
    return found


_PARTS = BeforeValidator(_four)
Checked = TypeVar("Checked", bound=Parameters)


MODELS = tuple(dict.fromkeys((*shipped_names(), *NETWORKS)))
"""Names of shipped weights, and of networks that may have weights of a training."""


class UpscalerParameters(Parameters):
    """How to upscale: with which weights, options and device."""

    model: Annotated[str, known_as("model", MODELS)] = DEFAULT
    """The shipped weights of that name, unless ``weights`` names others."""
    weights: Path | None = None
    """A weights file made by training, or a network of another project: an ONNX file with a YAML
    beside it (docs/foreign-models.md). Null: the weights that come with the project."""
    bands: list[int | str] | None = None
    """Bands of the scene to give to the network, in its order (red, green, blue, near-infrared): by
    number, from 1, or by name, such as B04. Null: all, as they are."""
    nodata: float | None = None
    """The value that stands for no data in the scene, instead of what the file declares. Null:
    that."""
    drivers: list[str] = Field(default=[])
    """GDAL's names of drivers that may open a scene besides those of GeoTIFF, JPEG 2000, PNG, JPEG,
    GeoPackage and VRT (such as ENVI). Allow only what you need: some open other files."""
    bbox: Annotated[tuple[float, float, float, float] | None, _PARTS] = None
    """Box to upscale: least x, least y, greatest x, greatest y, in the units of ``bbox_crs``. Null:
    the whole scene. The result is that of the whole scene, cropped."""
    bbox_crs: str | None = None
    """Coordinate system of ``bbox``, such as EPSG:4326. Null: that of the scene."""
    window: Annotated[tuple[int, int, int, int] | None, _PARTS] = None
    """Window to upscale, in pixels of the scene: first column, first row, columns, rows."""
    aoi: str | None = None
    """Polygons to upscale: a GeoJSON or GeoPackage file, or the text of a GeoJSON. What lies
    outside of them gets nodata."""
    variant: Annotated[str, known_as("variant", VARIANTS)] = VARIANTS[0]
    """Of products that have several: FRE (corrected for slopes) or SRE of Theia's."""
    value_range: str = "auto"
    """Digital numbers that are 0 and 1 to the network: auto, dtype, or LOW:HIGH."""
    noise: Level | Literal["auto"] = "auto"
    """Standard deviation of the scene's noise in digital numbers. auto: estimated for each band."""
    blur: Width | Literal["auto", "recipe"] = "auto"
    """Width of the scene's blur in pixels, as the standard deviation of a Gaussian. auto: estimated
    for all bands together. recipe: that of the images that the network was trained on."""
    compression: Quality | Literal["auto", "none"] = "auto"
    """JPEG quality that the scene was compressed with, from 50 to 100. auto: found in it."""
    sharpness: Share | Literal["auto"] = "auto"
    """Share of the network's correction that is added to the bicubic upscaling: 0 for none. auto:
    less than 1 where the blur is estimated and uncertain."""
    flat_areas: Literal["auto", "keep"] = "auto"
    """Areas without structure. auto: they get less of the network's correction, if noise and
    sharpness are estimated and hardly any noise is found. keep: they get what others get."""
    consistency: bool = False
    """Project the result so that downscaling it gives the scene back."""
    ensemble: bool = False
    """Mean over the eight flips and turns: a little better, eight times as slow."""
    uncertainty: bool = False
    """Also compute the half-width of each value's interval."""
    tile: int | None = Field(None, ge=16, le=4096)
    """Side of the tiles, in pixels of the scene. Larger tiles take more memory and waste less on
    their surroundings. Null: what suits the network, within 2 GB."""
    batch: int | None = Field(None, ge=1)
    """Tiles predicted at once. Null: what the device needs for full speed."""
    device: str = "auto"
    """auto (a CUDA device where there is one), cpu, cuda or cuda:1."""
    backend: str = "auto"
    """What computes the network: docs/upscaling.md lists the choices. auto: the fastest here."""
    precision: str = "auto"
    """Arithmetic of the network: auto (the fastest here: 8 bits, half precision or float32),
    float32, bfloat16, float16 or int8."""
    threads: int | None = Field(None, ge=1)
    """Processor cores to predict with. Null: all."""

    @model_validator(mode="after")
    def _area_is_given_once(self) -> Self:
        given = [name for name in ("bbox", "window", "aoi") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} choose an area: give one of them")
        if self.bbox_crs is not None and self.bbox is None:
            raise ValueError("bbox_crs is given without bbox")
        return self

    @property
    def area(self) -> "AreaChoice | None":
        """The part of scenes that is wanted; None: all of it."""
        # here, since it imports rasterio
        from sen2naip_sr.raster.areas.choice import AreaChoice

        chosen = AreaChoice(self.window, self.bbox, self.bbox_crs, self.aoi)
        return chosen if chosen else None

    def area_of(
        self, scene: "Sized", ground: "Georeferencing | None", factor: int = 2
    ) -> "Area | None":
        """Return the wanted part of a scene for a result of some factor; None: all of it.

        Raises:
            UserError: See `AreaChoice.of`.
        """
        return self.area.of(scene, ground, factor) if self.area else None

    @field_validator("value_range")
    @classmethod
    def _range_is_readable(cls, text: str) -> str:
        try:
            parse_range(text)
        except UserError as error:
            raise ValueError(error.problem) from error
        return text

    @field_validator("bands", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, bands: Any) -> Any:
        return numbers_in(bands)

    @field_validator("bands")
    @classmethod
    def _bands_are_given_once(cls, bands: list[int | str] | None) -> list[int | str] | None:
        require_bands_exist(bands)
        if bands is not None and len(set(bands)) < len(bands):
            raise ValueError(f"{bands} names a band twice")
        return bands

    @field_validator("device")
    @classmethod
    def _device_is_readable(cls, name: str) -> str:
        kinds: tuple[Literal["auto", "cpu", "cuda", "mps"], ...] = ("auto", "cpu", "cuda", "mps")
        if name.partition(":")[0] not in kinds:
            raise ValueError(f"'{name}' is not one of {', '.join(kinds)}")
        return name


class BatchParameters(Parameters):
    """What to upscale, where the results go, and who shares the work."""

    source: str | None = None
    """A raster, a product of a sensor (docs/products.md), a folder (searched with its folders for
    products, .tif, .tiff, .jp2, .vrt and .gpkg), a glob pattern, an address (https://, s3://), a
    name that GDAL takes (/vsizip/, /vsicurl/), or stack:red=FILE,green=FILE,blue=FILE,nir=FILE."""
    output: Path | None = None
    """Where results go: a folder, or for one scene a .tif. Null: beside each scene."""
    overwrite: bool = False
    """Replace existing results."""
    stac: bool = False
    """Also write a STAC item beside each result: a JSON file of the same name."""
    shard: str | None = None
    """i/n: only the i-th of n parts of the scenes, for several machines. Null: all."""
    scheduler: str | None = None
    """Address of a Dask scheduler that scenes are sent to. Null: this process does them."""

    @field_validator("shard")
    @classmethod
    def _shard_is_readable(cls, text: str | None) -> str | None:
        if text is None:
            return None
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"'{text}' is not i/n with i from 1 to n, as in 2/4")
        return text

    @model_validator(mode="after")
    def _work_is_shared_one_way(self) -> Self:
        if self.shard and self.scheduler:
            raise ValueError("shard and scheduler are two ways to share the work: give one")
        return self


class UpscalingParameters(BatchParameters, UpscalerParameters):
    """All parameters of the pipeline and the command that upscale scenes."""


def make_parameters(**values: Any) -> UpscalingParameters:
    """Return checked parameters of a batch.

    Raises:
        UserError: If one is unknown or not valid; it says which.
    """
    return _checked(UpscalingParameters, values)


def make_options(**values: Any) -> UpscalerParameters:
    """Return checked parameters of an upscaler; errors as in `make_parameters`."""
    return _checked(UpscalerParameters, values)


def _checked(kind: type[Checked], values: dict[str, Any]) -> Checked:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError("options-invalid", summarise(error), "correct these options") from error
