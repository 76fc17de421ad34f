"""What opening and reading a raster can raise."""

from rasterio._err import CPLE_BaseError
from rasterio.errors import (
    CRSError,
    DriverRegistrationError,
    GDALBehaviorChangeException,
    RasterioError,
    RPCError,
    WindowEvaluationError,
)

RASTER_FAULTS: tuple[type[Exception], ...] = (
    RasterioError,
    CPLE_BaseError,
    CRSError,
    RPCError,
    DriverRegistrationError,
    GDALBehaviorChangeException,
    WindowEvaluationError,
    OSError,
    UnicodeDecodeError,
    MemoryError,
    OverflowError,
    SystemError,
)
"""Exceptions of any call on a damaged or hostile raster: rasterio's public ones, GDAL's errors,
which rasterio lets through from some calls as a private class, those of converting what the file
says (text that is no UTF-8, sizes beyond memory), and what rasterio makes of unknown errors."""


def reason_of(error: BaseException) -> str:
    """Return what went wrong in one line: the cause's text, since rasterio's own says little."""
    text = " ".join(str(error.__cause__ or error).split())
    return text or type(error).__name__
