"""GDAL's settings while the project reads and writes, whatever the user's are."""

import os
from typing import Any

from rasterio.env import Env, getenv, hasenv

FIXED: dict[str, Any] = {
    # sidecars are looked for by name: a mask beside a file is found without listing its folder
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_TIFF_INTERNAL_MASK": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE": "NONE",
}
"""Settings that always hold."""

DEFAULTS: dict[str, Any] = {
    "BIGTIFF_OVERVIEW": "IF_SAFER",
    "COMPRESS_OVERVIEW": "NONE",
    "CONVERT_YCBCR_TO_RGB": "YES",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "",
    "GDAL_FORCE_CACHING": "NO",
    "GDAL_GEOREF_SOURCES": "PAM,INTERNAL,TABFILE,WORLDFILE",
    "GDAL_JPEG_TO_RGB": "YES",
    "GDAL_ONE_BIG_READ": "NO",
    "GDAL_PAM_ENABLED": "YES",
    "GDAL_PAM_PROXY_DIR": "",
    "GDAL_TIFF_ENDIANNESS": "NATIVE",
    "GDAL_TIFF_OVR_BLOCKSIZE": "128",
    "GTIFF_DIRECT_IO": "NO",
    "GTIFF_ESRI_CITATION": "YES",
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GTIFF_POINT_GEO_IGNORE": "NO",
    "GTIFF_VIRTUAL_MEM_IO": "NO",
    "GTIFF_WRITE_IMAGE_STRUCTURE_METADATA": "YES",
    "INTERLEAVE_OVERVIEW": "PIXEL",
    "JPEG_QUALITY_OVERVIEW": "75",
    "OSR_DEFAULT_AXIS_MAPPING_STRATEGY": "TRADITIONAL_GIS_ORDER",
    "PHOTOMETRIC_OVERVIEW": "MINISBLACK",
    "PREDICTOR_OVERVIEW": "1",
    "SPARSE_OK_OVERVIEW": "NO",
    "TIFF_READ_STREAMING": "NO",
    "TIFF_USE_OVR": "NO",
    "USE_RRD": "NO",
}
"""GDAL's defaults of settings that change values, masks or georeferencing: they replace the user's.
GDAL cannot be told to forget a variable of the environment, so others are left as they are."""

PATIENCE: dict[str, Any] = {
    "GDAL_HTTP_CONNECTTIMEOUT": 5,
    "GDAL_HTTP_LOW_SPEED_TIME": 8,
    "GDAL_HTTP_LOW_SPEED_LIMIT": 1,
}
"""Seconds and bytes a second after which a silent server is given up, unless the user says so."""


def gdal_environment(**more: Any) -> Env:
    """Return GDAL's settings for reading and writing; a context manager, for the own thread.

    Settings that only tell how to reach a server (credentials, proxies, retries) stay the user's.
    """
    chosen = os.environ.keys() | (getenv().keys() if hasenv() else set())
    replaced = {name: value for name, value in DEFAULTS.items() if name in chosen}
    waiting = {name: value for name, value in PATIENCE.items() if name not in chosen}
    return Env(**{**FIXED, **replaced, **waiting, **more})
