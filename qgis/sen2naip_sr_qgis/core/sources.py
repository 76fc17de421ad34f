"""From a layer to the name that the command opens, or why it cannot.

The command is another process: it sees files and addresses, not what QGIS holds in memory or draws
from a service.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sen2naip_sr_qgis.core.problems import Problem

EXPORT = (
    "export it first (right click on the layer, Export, Save As..., raw data, GeoTIFF), "
    "and take the exported layer"
)

SERVICES = {
    "wms": "a picture service (WMS, WMTS or XYZ tiles)",
    "wcs": "a coverage service (WCS)",
    "arcgismapserver": "an ArcGIS map service",
    "arcgisfeatureserver": "an ArcGIS feature service",
    "postgresraster": "a raster in a PostgreSQL database",
    "virtualraster": "a virtual raster, which QGIS computes while it draws",
    "memory": "kept in the memory of QGIS",
    "virtual": "a virtual layer, which QGIS computes while it draws",
}
"""Kinds of layers that are no files, by QGIS' names of their providers."""

PARTS = ("GTIFF_DIR", "GPKG", "NETCDF", "HDF5")
"""Prefixes of parts of files that the command opens."""

SENTINEL = re.compile(
    r"SENTINEL2_(?P<level>L1C|L2A)(?:_TILE)?:(?P<path>.+):(?P<part>\d+m|TCI|PREVIEW)(?::EPSG_\d+)?$",
    re.IGNORECASE,
)
NEEDS_10_M = "take the layer of its 10 m bands (10m)"

UPLOADED = (".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg")
"""Endings of the files that a server takes."""


@dataclass(frozen=True)
class Layer:
    """What is read of a raster layer, in the thread that owns it.

    Attributes:
        name: As it stands in the list of layers.
        provider: QGIS' name of what reads it; ``gdal`` for files.
        source: What it is read from.
        bands: The names of its bands, such as ``Band 1: Red``.
        colours: Their colour interpretations, such as ``Red``.
    """

    name: str
    provider: str
    source: str
    bands: Sequence[str] = field(default_factory=tuple)
    colours: Sequence[str] = field(default_factory=tuple)


def source_of(layer: Layer) -> str:
    """Return what the command opens: a path, an address, ``/vsi...`` or a part of a file.

    Raises:
        Problem: If the layer is nothing that another process can open. It names the layer.
    """
    if layer.provider != "gdal":
        kind = SERVICES.get(layer.provider, f"no file (provider '{layer.provider}')")
        raise _refused(layer, f"is {kind}", EXPORT)
    text = layer.source.strip()
    if re.search(r"\sauthcfg='?\w+'?", text):
        raise _refused(layer, "needs credentials that QGIS keeps", EXPORT)
    if "|option:" in text or "|credential:" in text:
        raise _refused(layer, "is opened with options that only QGIS knows", EXPORT)
    if text.startswith("<"):
        raise _refused(layer, "is described by a text in the project, not by a file", EXPORT)
    if "/vsimem/" in text:
        raise _refused(layer, "lies in the memory of QGIS (/vsimem/)", EXPORT)
    if found := SENTINEL.match(text):
        return _product(layer, found)
    prefix = re.match(r"([A-Za-z][A-Za-z0-9_]+):(?!//)", text)
    if prefix and prefix[1] not in PARTS:
        raise _refused(layer, f"is a part of a file of the kind {prefix[1]}", EXPORT)
    return text


def is_uploadable(source: str) -> bool:
    """Return whether a server takes it: a local file of a format that is sent as it is."""
    return not source.startswith("/vsi") and source.lower().endswith(UPLOADED)


def _product(layer: Layer, found: re.Match[str]) -> str:
    """Return the product that a subdataset of a Sentinel-2 product is a part of."""
    if found["part"].lower() != "10m":
        raise _refused(layer, f"is the part '{found['part']}' of a Sentinel-2 product", NEEDS_10_M)
    path = found["path"].strip('"')
    if zipped := re.match(r"/vsizip/+(.+?\.zip)(?:/|$)", path, re.IGNORECASE):
        inside = zipped[1]
        return inside if re.match(r"[A-Za-z]:", inside) else f"/{inside.lstrip('/')}"
    return path


def _refused(layer: Layer, why: str, remedy: str) -> Problem:
    return Problem(f"The layer '{layer.name}' {why}.", remedy)
