"""The front door for Python: a loaded model that upscales arrays, DataArrays and files."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.raster.access.locations import STREAMS, is_elsewhere, locate
from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.raster.products.kinds.stack import PREFIX
from sen2naip_sr.raster.products.variants import VARIANTS
from sen2naip_sr.upscaling.arrays import Result, upscale_array
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job, result_path
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.upscaling.xarrays import is_data_array, upscale_data_array
from sen2naip_sr.weights.names import DEFAULT, FOREIGN, SUFFIX, shipped_names

if TYPE_CHECKING:
    from xarray import DataArray

ValueRangeChoice = str | tuple[float, float]


class Options(TypedDict, total=False):
    """Options of one call; `Model.upscale` describes them."""

    value_range: ValueRangeChoice
    bands: Sequence[int | str] | None
    drivers: Sequence[str]
    variant: str
    nodata: float | None
    bbox: Sequence[float] | None
    bbox_crs: str | None
    window: Sequence[int] | None
    aoi: str | Path | Mapping[str, Any] | None
    noise: float | str
    blur: float | str
    compression: float | str
    sharpness: float | str
    flat_areas: str
    consistency: bool
    ensemble: bool
    tile: int | None
    batch: int | None
    overwrite: bool
    stac: bool


class AllOptions(Options, total=False):
    """Options of one call, with those that only the result of `Model.upscale` can show."""

    uncertainty: bool


class Model:
    """A network with its weights, ready for many calls; made by `load_model`.

    Call it from one thread at a time.
    """

    def __init__(self, upscaler: Upscaler) -> None:
        self._upscaler = upscaler

    @property
    def label(self) -> str:
        """The weights: architecture, step and the beginning of their hash."""
        return self._upscaler.label

    def __repr__(self) -> str:
        return f"<Model {self.label}; {self._upscaler.network.describe()}>"

    @overload
    def upscale(
        self, source: Array, target: None = None, **options: Unpack[AllOptions]
    ) -> Result[Array]: ...
    @overload
    def upscale(
        self, source: "DataArray", target: None = None, **options: Unpack[AllOptions]
    ) -> "Result[DataArray]": ...
    @overload
    def upscale(
        self, source: str | Path, target: str | Path | None = None, **options: Unpack[AllOptions]
    ) -> Result[Path]: ...
    def upscale(  # noqa: PLR0913 - all but the first two are keywords
        self,
        source: Any,
        target: str | Path | None = None,
        *,
        value_range: ValueRangeChoice = "auto",
        bands: Sequence[int | str] | None = None,
        drivers: Sequence[str] = (),
        variant: str = VARIANTS[0],
        nodata: float | None = None,
        bbox: Sequence[float] | None = None,
        bbox_crs: str | None = None,
        window: Sequence[int] | None = None,
        aoi: str | Path | Mapping[str, Any] | None = None,
        noise: float | str = "auto",
        blur: float | str = "auto",
        compression: float | str = "auto",
        sharpness: float | str = "auto",
        flat_areas: str = "auto",
        consistency: bool = False,
        ensemble: bool = False,
        uncertainty: bool = False,
        tile: int | None = None,
        batch: int | None = None,
        overwrite: bool = False,
        stac: bool = False,
    ) -> Result[Any]:
        """Upscale an image: twofold, or by the factor of a foreign network.

        Args:
            source: An array (bands, h, w): integers of up to 32 bits or floats of 32 or 64 bits,
                perhaps masked. Or an ``xarray.DataArray`` with rioxarray's georeferencing. Or the
                path of a raster.
            target: For a raster, the path of the result, a GeoTIFF, or the folder for it. None:
                beside the raster, with ``_x2`` behind its name, or the factor of the network.
            value_range: Digital numbers that are 0 and 1 to the network: ``auto``, ``dtype``,
                ``LOW:HIGH`` or (low, high); see `sen2naip_sr.inference.values.choose_range`.
            bands: Bands to use, in the network's order (red, green, blue, near-infrared), from 1,
                or of a raster their names. None: all.
            drivers: For a raster, GDAL's names of drivers that may open it besides those of
                GeoTIFF, JPEG 2000, PNG, JPEG, GeoPackage and VRT.
            variant: Of products that have several: ``FRE`` or ``SRE`` of Theia's.
            nodata: The value that stands for no data; of a raster, instead of what it declares.
            bbox: Box to upscale, (least x, least y, greatest x, greatest y): the result of the
                whole source, cropped. A source without coordinates has none.
            bbox_crs: Its coordinate system, such as ``EPSG:4326``. None: that of the source.
            window: Window to upscale, (first column, first row, columns, rows), in pixels.
            aoi: Polygons to upscale: the path of a GeoJSON or a GeoPackage, or a GeoJSON as text or
                mapping. What lies outside of them gets nodata.
            noise: Standard deviation of the source's noise in digital numbers, or ``auto``:
                estimated for each band.
            blur: Width of the source's blur in pixels (standard deviation of a Gaussian), ``auto``
                or ``recipe``: that of the images that the network was trained on.
            compression: JPEG quality of the source from 50 to 100, ``auto`` or ``none``.
            sharpness: Share of the network's correction that is added to the bicubic upscaling, or
                ``auto``: less than 1 where the blur is estimated and uncertain.
            flat_areas: ``auto``: areas without structure get less of the network's correction, if
                noise and sharpness are estimated and hardly any noise is found. ``keep``: they get
                what others get.
            consistency: Project the result so that downscaling it gives the source back.
            ensemble: Average over eight flips and turns: a little better, eight times as slow.
            uncertainty: Also compute intervals.
            tile: Side of the tiles, in pixels of the source. None: what suits the network.
            batch: Tiles predicted at once. None: what the device needs for full speed.
            overwrite: For a raster, whether existing results may be replaced.
            stac: For a raster, whether to write a STAC item beside the result.

        Returns:
            The result, of the same kind as the source, with what made it.

        Raises:
            UserError: If the source cannot be upscaled, an option is not valid, or the result
                cannot be written.
        """
        if not isinstance(value_range, str):
            value_range = ":".join(str(float(end)) for end in value_range)
        options = make_options(
            value_range=value_range,
            bands=None if bands is None else list(bands),
            drivers=list(drivers),
            variant=variant,
            nodata=nodata,
            bbox=None if bbox is None else list(bbox),
            bbox_crs=bbox_crs,
            window=None if window is None else list(window),
            aoi=json.dumps(aoi) if isinstance(aoi, Mapping) else aoi and os.fspath(aoi),
            noise=noise,
            blur=blur,
            compression=compression,
            sharpness=sharpness,
            flat_areas=flat_areas,
            consistency=consistency,
            ensemble=ensemble,
            uncertainty=uncertainty,
            tile=tile,
            batch=batch,
        )
        upscaler = self._upscaler.with_options(options)
        if isinstance(source, str | os.PathLike):
            return _upscale_file(upscaler, source, target, overwrite, stac)
        _refuse(target is not None, "target", "the result of an array is an array")
        _refuse(overwrite, "overwrite", "the result of an array is an array")
        _refuse(stac, "stac", "the result of an array is no file")
        if is_data_array(source):
            _refuse(nodata is not None, "nodata", "set it with rio.write_nodata")
            return upscale_data_array(upscaler, source)
        if isinstance(source, np.ndarray):
            return upscale_array(upscaler, source, nodata)
        raise UserError(
            "source-unsupported",
            f"a {type(source).__name__} cannot be upscaled",
            "give a numpy array, an xarray.DataArray or the path of a raster",
        )


def load_model(
    model: str | Path = DEFAULT,
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> Model:
    """Load a network once, for many calls; see `sen2naip_sr.load_model`."""
    names: dict[str, Any] = {"model": str(model)}
    if str(model) not in (known := shipped_names()):
        path = Path(model).expanduser()
        if isinstance(model, str) and path.suffix not in (SUFFIX, *FOREIGN) and not path.exists():
            raise UserError(
                "unknown-model",
                describe_unknown("model", model, list(known)),
                "use one of these names, or the path of a weights file",
            )
        names = {"weights": path}
    return Model(
        Upscaler(
            make_options(
                **names, device=device, backend=backend, precision=precision, threads=threads
            )
        )
    )


def _upscale_file(
    upscaler: Upscaler,
    given: "str | os.PathLike[str]",
    target: str | Path | None,
    overwrite: bool,
    stac: bool,
) -> Result[Path]:
    text = os.fspath(given)
    elsewhere = is_elsewhere(text) or text in STREAMS or text.startswith(PREFIX)
    source = text if elsewhere else Path(text).expanduser()
    if find_product(source) is None:
        locate(source)
    output = None if target is None else Path(target).expanduser()
    job = Job(source, result_path(source, output, factor=upscaler.factor))
    made = upscale_file(upscaler, job, overwrite=overwrite, stac=stac)
    interval = job.interval if made.intervals else None
    item = job.item if made.item else None
    return Result(job.target, interval, made.value_range, made.made_with, item)


def _refuse(given: bool, option: str, reason: str) -> None:
    if given:
        raise UserError(
            "option-not-applicable", f"'{option}' does not apply here: {reason}", "leave it out"
        )
