"""Whether a raster's georeferencing can be used to tell its place on the Earth."""

import math

from rasterio.io import DatasetReader
from rasterio.warp import transform

from sen2naip_sr.chips.cutting import Rejection
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of

GLOBAL = "EPSG:6933"
"""A projection of the whole Earth."""


def why_not_placed(raster: DatasetReader) -> Rejection | None:
    """Return why a raster with a coordinate system cannot be placed on the Earth; None if it can.

    It can if the middle of the image has coordinates there. A raster without a coordinate system
    is not placed by it and needs none.
    """
    try:
        if not all(map(math.isfinite, raster.transform)):
            return Rejection(
                "its transform holds numbers that are not finite", "georeference it anew"
            )
        if not raster.transform.determinant:
            return Rejection("its transform gives pixels no extent", "georeference it anew")
        if not raster.crs:
            return None
        x, y = raster.transform @ (raster.width / 2, raster.height / 2)
        east, north = transform(raster.crs, GLOBAL, [x], [y])
        problem = None if math.isfinite(east[0] + north[0]) else f"({x:g}, {y:g}) is not on it"
    except RASTER_FAULTS as error:
        problem = reason_of(error)
    if problem is None:
        return None
    return Rejection(
        f"its coordinates cannot be placed on the Earth: {problem}",
        "give it the right coordinate system, or none",
    )
