"""One xarray.DataArray upscaled, with its georeferencing in the conventions of rioxarray.

Both packages are imported only if somebody passes a DataArray.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.upscaling.arrays import Result, upscale_array
from sen2naip_sr.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from xarray import DataArray

KEPT_ENCODING = ("_FillValue", "scale_factor", "add_offset", "grid_mapping")


def is_data_array(source: Any) -> bool:
    """Return whether something is an ``xarray.DataArray``, without importing xarray."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(source, xarray.DataArray)


def upscale_data_array(upscaler: Upscaler, data: "DataArray") -> "Result[DataArray]":
    """Upscale a DataArray.

    Args:
        upscaler: The network and its options.
        data: Three dimensions: one of bands, under any name, and two spatial ones that rioxarray
            recognises, such as ``y`` and ``x``. Values as in `upscale_array`; nodata as rioxarray
            reads it.

    Returns:
        The result with the dimensions in the same order. Name, attributes, nodata, CRS, bounds and
        all coordinates that do not depend on the spatial dimensions are kept. Spatial coordinates
        are those of the smaller pixels.

    Raises:
        UserError: If rioxarray is missing, or the data cannot be upscaled.
    """
    try:
        import rioxarray  # noqa: F401 - registers .rio
    except ImportError as error:
        raise UserError(
            "xarray-package-missing",
            "upscaling an xarray.DataArray needs the package rioxarray",
            "install it, or give the values as a numpy array",
        ) from error
    bands, y, x = _dimensions(data)
    ordered = data.transpose(bands, y, x)
    ground = _ground(ordered)
    result = upscale_array(upscaler, ordered.to_numpy(), ordered.rio.nodata, ground)
    chosen = upscaler.parameters.bands
    if chosen is not None:
        ordered = ordered.isel({bands: [int(number) - 1 for number in chosen]})
    if area := upscaler.parameters.area_of(_Sized(*ordered.shape[1:]), ground, upscaler.factor):
        rows, columns = (area.top, area.height), (area.left, area.width)
        ordered = ordered.isel(
            {name: slice(first, first + size) for name, (first, size) in ((y, rows), (x, columns))}
        )

    def like(values: Array) -> "DataArray":
        return _like(ordered, values, upscaler.factor).transpose(*data.dims)

    interval = None if result.interval is None else like(result.interval)
    return Result(like(result.values), interval, result.value_range, result.made_with)


@dataclass(frozen=True)
class _Sized:
    """The size of a DataArray."""

    height: int
    width: int
    name = ArrayScene.name


def _ground(data: "DataArray") -> Georeferencing | None:
    """Return where a DataArray lies; None if it has no coordinates."""
    _, y, x = data.dims
    if data.rio.grid_mapping not in data.coords and not {x, y} <= set(data.coords):
        return None
    return Georeferencing(data.rio.transform(recalc=True), data.rio.crs)


def _dimensions(data: "DataArray") -> tuple[str, str, str]:
    """Return the names of the dimensions of bands, rows and columns."""
    try:
        y, x = data.rio.y_dim, data.rio.x_dim
    except Exception as error:
        # rioxarray's own exceptions are known only where it is installed
        raise UserError(
            "dimensions-unknown",
            f"a DataArray with dimensions {data.dims}, without known spatial ones",
            "call the spatial dimensions y and x, or set them with rio.set_spatial_dims",
        ) from error
    others = [name for name in data.dims if name not in (y, x)]
    if len(others) != 1:
        raise UserError(
            "array-not-3d",
            f"a DataArray with dimensions {data.dims}",
            "give one with the dimensions band, y and x",
        )
    return str(others[0]), y, x


def _like(data: "DataArray", values: Array, factor: int) -> "DataArray":
    """Return values with smaller pixels as a DataArray that describes the same ground."""
    from xarray import DataArray

    _, y, x = data.dims
    kept = {
        name: coordinate
        for name, coordinate in data.coords.items()
        if not {x, y} & set(coordinate.dims)
    }
    result = DataArray(values, kept, data.dims, data.name, dict(data.attrs))
    result.encoding = {name: data.encoding[name] for name in KEPT_ENCODING if name in data.encoding}
    if data.rio.grid_mapping not in data.coords and not {x, y} <= set(data.coords):
        return result
    gcps = tuple(data.rio.get_gcps() or ())
    ground = Georeferencing(data.rio.transform(recalc=True), gcps=gcps).refined(factor)
    return _placed(result, data, ground)


def _placed(result: "DataArray", data: "DataArray", ground: Georeferencing) -> "DataArray":
    """Add spatial coordinates (centres of pixels), and the transform or control points."""
    _, y, x = data.dims
    transform = ground.transform
    height, width = result.shape[1:]
    if {x, y} <= set(data.coords) and transform.is_rectilinear:
        columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
        result = result.assign_coords(
            {
                x: (x, transform.c + transform.a * columns, dict(data[x].attrs)),
                y: (y, transform.f + transform.e * rows, dict(data[y].attrs)),
            }
        )
    placed: DataArray = result.rio.write_transform(transform)
    return placed.rio.write_gcps(ground.gcps, data.rio.crs) if ground.gcps else placed
