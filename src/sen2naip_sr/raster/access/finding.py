"""The rasters in a folder and its subfolders, those behind symbolic links included."""

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

logger = logging.getLogger(__name__)

IN_FOLDERS = (".tif", ".tiff", ".jp2", ".vrt", ".gpkg")
"""Endings that are looked for in folders. Pictures (PNG, JPEG) are mostly previews there."""

READABLE = (*IN_FOLDERS, ".j2k", ".png", ".jpg", ".jpeg")
"""Endings of what can be read when it is named."""


class Products(Protocol):
    """What tells products of sensors from rasters, by names of files."""

    def among(self, folder: Path, names: Sequence[str]) -> list[Path]:
        """Return the products that the files of a folder make; they are no rasters of their own."""

    def is_archived(self, path: Path) -> bool:
        """Return whether a file is an archive that holds a product."""

    def is_mask(self, name: str) -> bool:
        """Return whether a file belongs to the product beside it."""


def find_rasters(folder: Path, products: Products | None = None) -> Iterator[tuple[Path, str]]:
    """Yield path and name (its path below the folder, with forward slashes) of every raster.

    Args:
        folder: The folder.
        products: Finds products, which are yielded as one; None: every raster is one.

    Hidden files and folders are left out, and so are GeoPackages without a raster. Symbolic links
    to folders are followed, but no folder is visited twice: a link to a folder above ends there.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(os.fspath(folder), "")]
    while waiting:
        top, prefix = waiting.pop(0)
        links: list[tuple[str, str]] = []
        # unlike Path.rglob, os.walk makes no Path per entry, which costs as much as opening a file
        for root, below, names in os.walk(top, onerror=_skip):
            if not _first_visit(root, seen):
                below.clear()
                continue
            inside = prefix + ("" if root == top else f"{Path(root).relative_to(top).as_posix()}/")
            below[:] = sorted(name for name in below if not name.startswith("."))
            if products and (found := products.among(Path(root), names)):
                below.clear()
                for product in found:
                    whole = product == Path(root)
                    name = inside.rstrip("/") or product.name
                    yield product, name if whole else inside + product.name
                continue
            for name in below:
                if os.path.islink(path := os.path.join(root, name)):
                    links.append((path, f"{inside}{name}/"))
            for name in sorted(names):
                if products and products.is_mask(name):
                    continue
                if products and products.is_archived(Path(root, name)):
                    yield Path(root, name), inside + name
                if name.lower().endswith(IN_FOLDERS) and not name.startswith("."):
                    file = Path(root, name)
                    if holds_raster(file):
                        yield file, inside + name
        waiting += links


def holds_raster(path: Path) -> bool:
    """Return whether a GeoPackage has a raster, so that those with vectors only are left out."""
    if path.suffix.lower() != ".gpkg" or not path.is_file():
        return True
    try:
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as package:
            query = "SELECT 1 FROM gpkg_contents WHERE data_type IN (?, ?) LIMIT 1"
            return package.execute(query, ("tiles", "2d-gridded-coverage")).fetchone() is not None
    except sqlite3.Error:
        # damaged: opening it says why
        return True


def _first_visit(folder: str, seen: set[tuple[int, int]]) -> bool:
    try:
        state = os.stat(folder)
    except OSError as error:
        _skip(error)
        return False
    identity = (state.st_dev, state.st_ino)
    first = identity not in seen
    seen.add(identity)
    return first


def _skip(error: OSError) -> None:
    logger.warning("%s is left out: it cannot be listed (%s)", error.filename, error.strerror)
