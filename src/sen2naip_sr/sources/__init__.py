"""Where GeoTIFFs come from, one source a file and called as the file.

A new source is a new file here that defines ``make``, which takes the parameters of ingestion and
returns a `sen2naip_sr.sources.base.Source`. Listing the names imports none of the files.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sen2naip_sr.sources.base import Source
    from sen2naip_sr.sources.parameters import IngestionParameters

_SUPPORT = (
    "archive",
    "base",
    "ingest",
    "left_out",
    "parameters",
    "placement",
    "places",
    "survey",
)
"""Modules of this package that are no sources."""

SOURCES = tuple(
    sorted(found.name for found in iter_modules(__path__) if found.name not in _SUPPORT)
)
"""The names of all sources."""


def make_source(parameters: "IngestionParameters") -> "Source":
    """Return the source that the parameters name, without reading a file."""
    source: Source = import_module(f"{__name__}.{parameters.source}").make(parameters)
    return source
