"""Super-resolution (2x) of 4-band imagery: arrays, DataArrays and GeoTIFFs.

    import sen2naip_sr as sr

    big = sr.upscale(array)
    sr.upscale("scene.tif", "scene_x2.tif")
    model = sr.load_model("best")
    result = model.upscale(array, consistency=True, uncertainty=True)
    sr.list_models()

Importing the package is quick: torch is imported by the first call.
"""

from typing import TYPE_CHECKING, Any, overload

from sen2naip_sr.version import __version__

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from xarray import DataArray

    from sen2naip_sr.arrays import Array
    from sen2naip_sr.upscaling.catalogue import Entry
    from sen2naip_sr.upscaling.model import Model, Options

__all__ = ["__version__", "list_models", "load_model", "upscale"]


@overload
def upscale(
    source: "Array",
    target: None = None,
    *,
    model: "str | Path" = "default",
    device: str = "auto",
    **options: "Unpack[Options]",
) -> "Array": ...
@overload
def upscale(
    source: "DataArray",
    target: None = None,
    *,
    model: "str | Path" = "default",
    device: str = "auto",
    **options: "Unpack[Options]",
) -> "DataArray": ...
@overload
def upscale(
    source: "str | Path",
    target: "str | Path | None" = None,
    *,
    model: "str | Path" = "default",
    device: str = "auto",
    **options: "Unpack[Options]",
) -> "Path": ...
def upscale(
    source: Any,
    target: "str | Path | None" = None,
    *,
    model: "str | Path" = "default",
    device: str = "auto",
    **options: "Unpack[Options]",
) -> Any:
    """Double the resolution of an image.

    Arrays give the values of a GeoTIFF with the same pixels, bit for bit. For many calls, and for
    intervals, use `load_model`.

    Args:
        source: An array (bands, h, w): integers of up to 32 bits or floats of 32 or 64 bits,
            perhaps a `numpy.ma.MaskedArray`. Or an ``xarray.DataArray`` with rioxarray's
            georeferencing. Or the path of a raster.
        target: For a raster, the path of the result, a GeoTIFF, or the folder for it. None: beside
            the raster, with ``_x2`` behind its name, or the factor of the network.
        model: The name of shipped weights (``default``, ``fast``, ``best``...), or the path of a
            file: weights, or a network of another project as ONNX (docs/foreign-models.md).
        device: ``auto`` (a CUDA device where there is one), ``cpu``, ``cuda`` or ``cuda:1``.
        **options: ``value_range``, ``bands``, ``nodata``, ``bbox``, ``bbox_crs``, ``window``,
            ``aoi``, ``noise``, ``blur``, ``compression``, ``sharpness``, ``flat_areas``,
            ``consistency``, ``ensemble``, ``tile``, ``batch``, ``overwrite``, ``stac``: see
            `sen2naip_sr.upscaling.model.Model.upscale`.

    Returns:
        (bands, 2h, 2w), or as large as a foreign network's factor makes it, in the dtype of the
        source: an array for an array, masked if the source
        was; a DataArray for a DataArray; the path of the written file for a file. Masked values,
        NaN and nodata are kept.

    Raises:
        UserError: If the source cannot be upscaled, an option is not valid, or the result cannot
            be written.
    """
    return load_model(model, device=device).upscale(source, target, **options).values


def load_model(
    model: "str | Path" = "default",
    *,
    device: str = "auto",
    backend: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
) -> "Model":
    """Load a network once, for many calls.

    Args:
        model: The name of shipped weights (``default``, ``fast``, ``best``...), or the path of a
            file: weights, or a network of another project as ONNX (docs/foreign-models.md).
        device: ``auto`` (a CUDA device where there is one), ``cpu``, ``cuda`` or ``cuda:1``.
        backend: What computes convolutions: ``auto``, ``eager``, ``winograd`` or ``openvino``.
        precision: Of the convolutions: ``auto`` (the fastest here, and float32 for scenes with
            faint contrasts), ``float32``, ``bfloat16``, ``float16`` or ``int8``.
        threads: Processor cores of torch, for the whole process. None: leave it as it is.

    Returns:
        A model; its method ``upscale`` takes what `upscale` takes, and ``uncertainty``.

    Raises:
        UserError: If there is no such network or file, or the device is not available.
    """
    from sen2naip_sr.upscaling import model as front_door

    return front_door.load_model(
        model, device=device, backend=backend, precision=precision, threads=threads
    )


def list_models() -> "list[Entry]":
    """Return the shipped weights, those for varied imagery first: name, size and scores."""
    from sen2naip_sr.upscaling.catalogue import entries

    return entries(measure=False)
