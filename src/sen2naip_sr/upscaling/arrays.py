"""One array upscaled to an array."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.values import ValueRange, enlarged
from sen2naip_sr.raster.areas.area import Area
from sen2naip_sr.raster.areas.view import AreaScene
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.raster.georeferencing import Georeferencing
from sen2naip_sr.upscaling.upscaler import Upscaler

Image = TypeVar("Image")


@dataclass(frozen=True)
class Result(Generic[Image]):
    """An upscaled image and what made it.

    Attributes:
        values: The image, of the same kind as the input: (bands, f h, f w) for the
            model's factor f (2 for this project's networks), in its dtype, as a
            `numpy.ndarray` or an ``xarray.DataArray``; the path of the written file for a file.
        interval: Half-widths of the intervals, float32, in the input's unit, of the same kind as
            ``values``; None if they were not asked for. ``made_with`` says what ``values`` +-
            ``interval`` is to hold, and whether that is promised.
        value_range: The digital numbers that were 0 and 1 to the network.
        made_with: What made it, by name: version, model, weights, recipe, range, sharpness,
            consistency, ensemble; intervals, if they were asked for; noise, blur, compression and
            flat_areas where the network is told what the image is like.
        item: The path of the STAC item of a file; None if it was not asked for.
    """

    values: Image
    interval: Image | None
    value_range: ValueRange
    made_with: dict[str, str]
    item: Path | None = None


def upscale_array(
    upscaler: Upscaler,
    array: Array,
    nodata: float | None = None,
    ground: Georeferencing | None = None,
) -> Result[Array]:
    """Upscale an array.

    The values are those of a GeoTIFF with the same pixels, bit for bit. Invalid values (masked,
    NaN, infinite or equal to ``nodata``) stay as they are, as much larger, and change no others.

    Args:
        upscaler: The network and its options.
        array: (bands, h, w), integers of up to 32 bits or floats of 32 or 64 bits, perhaps a
            `numpy.ma.MaskedArray`.
        nodata: The value that stands for no data, in every band.
        ground: Where it lies, for areas on the ground; None: unknown.

    Returns:
        The result as (bands, f h, f w) in the array's dtype; masked if the array was.

    Raises:
        UserError: If the array cannot be upscaled: its number of dimensions, dtype or bands; or if
            it has no wanted area, or no way to mark what is outside of polygons.
    """
    scene = ArrayScene(array, nodata, upscaler.parameters.bands)
    area = upscaler.parameters.area_of(scene, ground, upscaler.factor)
    part = AreaScene(scene, area) if area else None
    if part and part.masked and not scene.masked:
        raise UserError(
            "nodata-missing",
            f"{scene.name}: has no value that stands for no data, which is needed outside of the "
            "polygons",
            "give that value, or a masked array",
        )
    found = upscaler.settings_for(scene)
    target = ArrayTarget(part or scene, factor=upscaler.factor)
    interval = ArrayTarget(part or scene, np.float32) if upscaler.calibration else None
    upscaler.write(scene, found, target, interval, area=part)
    return Result(
        _masked(target, scene, area, upscaler.factor),
        _masked(interval, scene, area, upscaler.factor) if interval else None,
        found.value_range,
        upscaler.describe(found),
    )


def _masked(target: ArrayTarget, scene: ArrayScene, area: Area | None, factor: int) -> Array:
    if scene.mask is None:
        return target.values
    mask = scene.mask
    if area is not None:
        mask = mask[:, area.top : area.top + area.height, area.left : area.left + area.width]
    mask = enlarged(mask, factor)
    if area is not None and area.polygons is not None:
        mask |= ~area.inside(*area.refined(*area.window))
    return np.ma.MaskedArray(target.values, mask=mask)
