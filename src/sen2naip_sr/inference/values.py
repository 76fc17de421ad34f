"""Digital numbers and the values of networks: value ranges, normalisation, filled gaps."""

import logging
import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import DTypeLike

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.suspects import sample, suspects, suspects_in

if TYPE_CHECKING:
    from sen2naip_sr.raster.protocol import Scene

ValueRange = tuple[float, float]
"""The digital numbers that become 0 and 1."""

FULL_SCALES = (1, 15, 63, 255, 1023, 2047, 4095, 10_000, 16_383, 32_767, 65_535)
"""What sensors and products count to; 10,000 is reflectance 1 of Sentinel-2 and Landsat."""


def parse_range(text: str) -> Literal["auto", "dtype"] | ValueRange:
    """Read a value range from text: ``auto``, ``dtype`` or ``LOW:HIGH``.

    Raises:
        UserError: If it is none of these.
    """
    if text == "auto":
        return "auto"
    if text == "dtype":
        return "dtype"
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        low = high = math.nan
    if not (low < high and math.isfinite(high - low)):
        raise UserError(
            "value-range-invalid",
            f"value range '{text}': neither auto, dtype nor LOW:HIGH with LOW below HIGH",
            "give the values that stand for 0 and 1, such as 0:10000 for reflectance x 10000",
        )
    return low, high


logger = logging.getLogger(__name__)


def choose_range(choice: Literal["auto", "dtype"] | ValueRange, scene: "Scene") -> ValueRange:
    """Return the digital numbers of a scene that become 0 and 1 for a network.

    ``dtype``: an integer dtype's limits; 0 and 1 for floats.

    ``auto``: 0 and 255 for uint8. Otherwise 0 and the smallest of `FULL_SCALES` that is at least
    the 99.9th percentile of the sampled valid values. Above the largest scale, and for floats
    below 1, the scales continue by factors of 4. Floats up to 1.5 count as 0 to 1, since
    reflectance can exceed 1. The scales are few, so that scenes of one sensor get the same one.
    They are close to each other, since networks do worse than bicubic on images that are much
    darker than the training images. If the 0.1th percentile lies below 0 by more than a tenth of
    the upper end, the lower end is minus such a scale. A few negative reflectances change nothing.

    Values that look like nodata that is not declared (`suspects`) are left out.

    Values outside of the range are kept. They become less than 0 or more than 1.

    Args:
        choice: What `parse_range` returns.
        scene: The scene; it is read for ``auto`` only.

    Returns:
        The digital numbers that become 0 and 1.
    """
    if not isinstance(choice, str):
        return choice
    if choice == "dtype" or scene.dtype == np.uint8:
        return _limits(scene.dtype)
    values = sample(scene)
    values = values[~np.isin(values, np.array(list(suspects(values)), values.dtype))]
    if not values.size:
        return _limits(scene.dtype)
    return _range_of(values)


def unmarked_nodata(scene: "Scene") -> tuple[float, ...]:
    """Return values of a scene that look like nodata that is not declared; a warning names them."""
    found = suspects_in(scene)
    if found:
        logger.warning("%s: %s", scene.name, found.message)
    return found.values


def normalise(values: Array, value_range: ValueRange, dtype: DTypeLike = np.float32) -> Array:
    """Return digital numbers as networks take them: the range becomes 0 to 1.

    Args:
        values: Digital numbers of any real dtype and shape.
        value_range: Digital numbers that become 0 and 1.
        dtype: Of the result.

    Returns:
        float32 (or ``dtype``), not clipped. Data of up to 16 bits are computed in float32, as in
        training, others in float64.
    """
    low, high = value_range
    with np.errstate(over="ignore"):
        return ((values.astype(_exact(values.dtype)) - low) / (high - low)).astype(dtype)


def denormalise(predicted: Array, values: Array, value_range: ValueRange) -> Array:
    """Return a prediction as digital numbers in a float dtype, the inverse of `normalise`.

    Integers of up to 16 bits are computed in float32. For other dtypes the network's change is
    added to the input itself. Pixels that it leaves alone then keep their value to the last bit,
    although float32 holds fewer bits than int32 or float64.

    Args:
        predicted: (..., f h, f w), float32, normalised, for a whole factor f.
        values: (..., h, w), the digital numbers that it was predicted from.
        value_range: Digital numbers that became 0 and 1.

    Returns:
        (..., f h, f w), float. For integer ``values``, rounded and clipped to what their dtype can
        hold; NaN stays NaN. For float ``values``, in their dtype.
    """
    (low, high), dtype = value_range, values.dtype
    integer = np.issubdtype(dtype, np.integer)
    if integer and _exact(dtype) == np.float32:
        restored = predicted * (high - low) + low
    else:
        factor = predicted.shape[-1] // values.shape[-1]
        change = predicted - enlarged(normalise(values, value_range), factor)
        restored = change.astype(_exact(dtype), copy=False) * (high - low)
        restored += enlarged(values, factor)
    if not integer:
        return restored.astype(dtype, copy=False)
    np.rint(restored, out=restored)
    return np.clip(restored, *_holdable(dtype), out=restored)


def restore(predicted: Array, values: Array, value_range: ValueRange) -> Array:
    """Return a finite prediction in the dtype of ``values``; else as `denormalise`."""
    return denormalise(predicted, values, value_range).astype(values.dtype, copy=False)


def doubled(values: Array) -> Array:
    """Repeat every pixel of (..., h, w) two by two: (..., 2h, 2w)."""
    return enlarged(values, 2)


def enlarged(values: Array, factor: int) -> Array:
    """Repeat every pixel of (..., h, w): (..., factor h, factor w)."""
    return values.repeat(factor, axis=-1).repeat(factor, axis=-2)


def _exact(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Return float32 for what it holds exactly, else float64."""
    return np.result_type(dtype, np.float32)


def _limits(dtype: np.dtype[np.generic]) -> ValueRange:
    if not np.issubdtype(dtype, np.integer):
        return 0.0, 1.0
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    return float(limits.min), float(limits.max)


def _holdable(dtype: np.dtype[np.generic]) -> ValueRange:
    low, high = _limits(dtype)
    # float64 cannot hold the largest 64-bit integers: rounded up they would overflow
    return low, high if int(high) <= np.iinfo(dtype).max else math.nextafter(high, 0)  # type: ignore[type-var]


def _range_of(values: Array) -> ValueRange:
    whole = np.issubdtype(values.dtype, np.integer)
    darkest, brightest = map(float, np.percentile(values.astype(np.float64), (0.1, 99.9)))
    high = _full_scale(brightest, whole) if brightest > 0 else 0.0
    low = 0.0
    if darkest < -0.1 * high:
        low = -_full_scale(-darkest, whole)
    if low == high:
        return 0.0, 1.0
    least, most = _limits(values.dtype) if whole else (-math.inf, math.inf)
    return max(low, least), min(high, most)


def _full_scale(extreme: float, whole: bool) -> float:
    """Return the smallest full scale that is at least a positive extreme; integers: at least 1."""
    if not whole and extreme <= 1.5:
        return min(1.0, _power_of_four(extreme))
    largest = FULL_SCALES[-1]
    if extreme > largest:
        return largest * _power_of_four(extreme / largest)
    return float(next(scale for scale in FULL_SCALES if extreme <= scale))


def _power_of_four(least: float) -> float:
    return 4.0 ** math.ceil(math.log2(least) / 2)
