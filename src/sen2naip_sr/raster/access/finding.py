"""The rasters in a folder and its subfolders, those behind symbolic links included."""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

logger = logging.getLogger(__name__)

IN_FOLDERS = (".tif", ".tiff", ".jp2", ".vrt", ".gpkg")
"""Endings that are looked for in folders. Pictures (PNG, JPEG) are mostly previews there."""

ITEM = ".json"
"""Ending of files of catalogues' items."""

READABLE = (*IN_FOLDERS, ".j2k", ".png", ".jpg", ".jpeg")
"""Endings of what can be read when it is named."""


class Products(Protocol):
    """What tells products of sensors from rasters, by names of files."""

    def among(self, folder: Path, names: Sequence[str]) -> list[Path]:
        """Return the products that the files of a folder make; they are no rasters of their own."""

    def others(self, names: Sequence[str], products: Sequence[Path]) -> list[str]:
        """Return the names of the files of a folder that belong to none of its products."""

    def is_archived(self, path: Path) -> bool:
        """Return whether a file is an archive that holds a product."""

    def is_mask(self, name: str) -> bool:
        """Return whether a file belongs to the product beside it."""

    def named_by(self, path: Path) -> Sequence[Path] | None:
        """Return the files that a catalogue's item consists of; None if the file is none."""


def find_rasters(folder: Path, products: Products | None = None) -> Iterator[tuple[Path, str]]:
    """Yield path and name (its path below the folder, with forward slashes) of every raster.

    Args:
        folder: The folder.
        products: Finds products, which are yielded as one; None: every raster is one.

    Hidden files and folders are left out, and so are GeoPackages without a raster. Symbolic links
    to folders are followed, but no folder is visited twice: a link to a folder above ends there.
    """
    found = _below(folder, products)
    return found if products is None else whole_sources(found, products)


def whole_sources(
    found: Iterable[tuple[Path, str]], products: Products
) -> Iterator[tuple[Path, str]]:
    """Yield the sources that are no parts of others.

    Left out are files that lie in a product, files that an item names, items that name nothing but
    these, since products tell more of themselves, and files like an item that are none.
    """
    sources = list(found)
    items = {path: products.named_by(path) for path, _ in sources if path.suffix.lower() == ITEM}
    whole = {os.path.realpath(p) for p, _ in sources if p.is_dir() or products.is_archived(p)}
    named = {os.path.realpath(file) for files in items.values() for file in files or ()}
    for path, name in sources:
        place = os.path.realpath(path)
        if path not in items:
            if place in whole or (place not in named and not _inside(place, whole)):
                yield path, name
            continue
        files = items[path]
        if files is None or _inside(place, whole):
            continue
        held = [_inside(os.path.realpath(file), whole) for file in files]
        if not held or not all(held):
            yield path, name


def _inside(place: str, whole: set[str]) -> bool:
    """Return whether a path is one of some, or lies below one."""
    return place in whole or any(str(above) in whole for above in Path(place).parents)


def _below(folder: Path, products: Products | None) -> Iterator[tuple[Path, str]]:
    """Yield path and name of every raster and product, and of what may be an item."""
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
            single = names
            if products and (found := products.among(Path(root), names)):
                if found == [Path(root)]:
                    below.clear()
                    yield found[0], inside.rstrip("/") or found[0].name
                    continue
                yield from ((product, inside + product.name) for product in found)
                single = products.others(names, found)
            for name in below:
                if os.path.islink(path := os.path.join(root, name)):
                    links.append((path, f"{inside}{name}/"))
            for name in sorted(single):
                if _counts(root, name, products):
                    yield Path(root, name), inside + name
        waiting += links


def _counts(folder: str, name: str, products: Products | None) -> bool:
    """Return whether a file is a raster, an archived product, or what may be an item."""
    if name.startswith(".") or (products and products.is_mask(name)):
        return False
    ending = name.lower()
    if ending.endswith(IN_FOLDERS):
        return holds_raster(Path(folder, name))
    if products is None:
        return False
    return ending.endswith(ITEM) or products.is_archived(Path(folder, name))


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
