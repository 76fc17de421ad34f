"""Which drivers of GDAL may open a raster: its first bytes decide, not its name."""

from collections.abc import Sequence
from pathlib import Path

import rasterio

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.raster.access.vrt import ENDING

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "GTiff": TIFF,
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "JP2OpenJPEG": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "GPKG": (b"SQLite format 3\0",),
}
"""First bytes of the files of every driver that is allowed."""

DRIVERS = tuple(SIGNATURES)
"""Drivers that are allowed. Cloud-optimised GeoTIFFs are opened by GTiff; VRT is allowed for files
with its own ending only, since one can make GDAL open other files and send requests."""

FORMATS = "GeoTIFF, JPEG 2000, PNG, JPEG, GeoPackage, or VRT under its own ending"


def recognised(path: Path) -> str | None:
    """Return the allowed driver of a local file by its first bytes; None if there is none."""
    if path.suffix.lower() == ENDING:
        return "VRT"
    with path.open("rb") as stream:
        head = stream.read(16)
    fitting = (name for name, starts in SIGNATURES.items() if head.startswith(starts))
    return next(fitting, None)


def require_known(drivers: Sequence[str]) -> None:
    """Check that GDAL has these drivers.

    Raises:
        UserError: If it has not; it names the nearest.
    """
    if not drivers:
        return
    with rasterio.Env() as environment:
        known = list(environment.drivers())
    for name in drivers:
        if name not in known:
            raise UserError(
                "unknown-driver",
                describe_unknown("driver", name, known),
                "use GDAL's short name of the driver",
            )
