"""Whether a source is a product, and which."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.finding import IN_FOLDERS
from sen2naip_sr.raster.access.locations import is_elsewhere
from sen2naip_sr.raster.products.contents import ARCHIVES, Contents, contents_of
from sen2naip_sr.raster.products.kinds import (
    hls,
    landsat,
    planetscope,
    sentinel2,
    stac,
    stack,
    theia,
)
from sen2naip_sr.raster.products.product import Product, product_fault
from sen2naip_sr.raster.products.variants import VARIANTS

DEPTH = 2
"""Folders above a file of metadata, at the most, where it is looked for in a folder or archive."""

UPWARDS = 2
"""Folders above the metadata of a granule in which those of the product lie."""


def find_product(source: str | Path, variant: str = VARIANTS[0]) -> Product | None:
    """Return the product that a source is; None if it is something else, such as a raster.

    Reads metadata, but no pixel.

    Args:
        source: A folder, an archive, a file of metadata, an image with metadata beside it, a stack,
            a STAC item or its address.
        variant: One of `VARIANTS`.

    Raises:
        UserError: If it is a product that cannot be used.
    """
    text = os.fspath(source)
    if text.startswith(stack.PREFIX):
        return stack.find(text)
    if stac.LINK.fullmatch(text) and not os.path.lexists(text):
        item = stac.read_item(text)
        return None if item is None else stac.find(item, text)
    if "\0" in text or is_elsewhere(text):
        return None
    path = Path(text)
    if path.is_dir() or (path.suffix.lower() in ARCHIVES and path.is_file()):
        return _among(contents_of(path), text, variant)
    return _of_file(path, text, variant) if path.is_file() else None


class ByName:
    """Tells products from rasters; see `sen2naip_sr.raster.access.finding.Products`."""

    def among(self, folder: Path, names: Sequence[str]) -> list[Path]:
        """Return the products that the files of a folder make."""
        return products_among(folder, names)

    def others(self, names: Sequence[str], products: Sequence[Path]) -> list[str]:
        """Return the names of the files of a folder that belong to none of its products."""
        return [name for name in names if not any(_belongs(name, p.name) for p in products)]

    def is_archived(self, path: Path) -> bool:
        """Return whether a file is an archive that holds a product."""
        return is_archived_product(path)

    def is_mask(self, name: str) -> bool:
        """Return whether a file belongs to the product beside it."""
        return planetscope.is_mask(name)

    def named_by(self, path: Path) -> Sequence[Path] | None:
        """Return the files that a STAC item consists of; None if the file is none."""
        return stac.local_files(path)


def products_among(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the products of a folder, by the names of the files in it.

    Args:
        folder: The folder.
        names: Of the files in it.

    Returns:
        The folder itself, if it is one product; a file of each, if it holds several, or other
        rasters too; else nothing.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        if _is_metadata(name):
            found.setdefault(_key(name), name)
    if len(found) == 1 and not _others(names, *found.values()):
        return [folder]
    return [folder / name for name in found.values()]


def is_archived_product(path: Path) -> bool:
    """Return whether an archive looks like a product, by the names of its members."""
    if path.suffix.lower() not in ARCHIVES:
        return False
    try:
        names = contents_of(path).names
    except (UserError, OSError):
        # damaged or hostile: opening it says why
        return sentinel2.ARCHIVE.match(path.name) is not None
    return any(_is_metadata(PurePosixPath(name).name) for name in names)


def _is_metadata(name: str) -> bool:
    patterns = (sentinel2.METADATA, landsat.METADATA, hls.FILE)
    return name.endswith(theia.METADATA[1:]) or any(p.fullmatch(name) for p in patterns)


def _among(contents: Contents, source: str, variant: str) -> Product | None:
    """Return the one product in a folder or archive."""
    near = [name for name in contents.names if len(PurePosixPath(name).parts) <= DEPTH]
    found: dict[str, str] = {}
    for name in near:
        plain = PurePosixPath(name).name
        if _is_metadata(plain):
            found.setdefault(_key(plain), name)
        elif contents.place.is_dir() and planetscope.IMAGE.fullmatch(plain):
            found.setdefault(plain, name)
    if len(found) > 1:
        # the metadata say more than names of images
        found = {key: name for key, name in found.items() if not name.endswith(".tif")} or found
    if not found:
        if any(landsat.LEVEL_1.fullmatch(PurePosixPath(name).name) for name in near):
            raise landsat.refuse_level_1(source)
        return None
    if len(found) > 1:
        names = ", ".join(sorted(found.values())[:4])
        if contents.archived:
            raise product_fault(source, f"holds several products: {names}", "unpack it")
        return None
    (name,) = found.values()
    if not contents.archived:
        if _others(contents.names, name):
            return None
        path = contents.place / name
        if path.parent != contents.place:
            contents, name = contents_of(path.parent), path.name
    return _described_by(contents, name, source, variant)


def _key(name: str) -> str:
    """Return what the names of the files of one product begin with."""
    for pattern in (landsat.METADATA, hls.FILE, planetscope.IMAGE):
        if match := pattern.fullmatch(name):
            return match[1]
    return name.removesuffix(theia.METADATA[1:])


def _belongs(name: str, metadata: str) -> bool:
    """Return whether a file belongs to the product that a file of metadata describes."""
    file, described = PurePosixPath(name), PurePosixPath(metadata)
    if sentinel2.METADATA.fullmatch(described.name):
        return file.is_relative_to(described.parent)
    return file.name.startswith(_key(described.name))


def _others(names: Sequence[str], metadata: str) -> bool:
    """Return whether there are rasters or archives that do not belong to a product."""
    endings = (*IN_FOLDERS, *ARCHIVES)
    return any(
        name.lower().endswith(endings) and not _belongs(name, metadata)
        for name in names
        if not PurePosixPath(name).name.startswith(".")
    )


def _described_by(contents: Contents, name: str, source: str, variant: str) -> Product | None:
    plain = PurePosixPath(name).name
    if sentinel2.METADATA.fullmatch(plain):
        return sentinel2.find(contents, source, name)
    if landsat.METADATA.fullmatch(plain):
        return landsat.find(contents, source, name)
    if hls.FILE.fullmatch(plain):
        return hls.find(contents, source, name)
    if plain.endswith(theia.METADATA[1:]):
        return theia.find(contents, source, name, variant)
    return planetscope.find(contents.place / name, source)


def _of_file(path: Path, source: str, variant: str) -> Product | None:
    name, suffix = path.name, path.suffix.lower()
    if suffix in stac.ENDINGS:
        item = stac.read_item(source)
        return None if item is None else stac.find(item, source)
    if planetscope.IMAGE.fullmatch(name):
        return planetscope.find(path, source)
    if sentinel2.GRANULE.fullmatch(name):
        above = path.absolute().parents[UPWARDS]
        for found in sorted(above.glob("*.xml")):
            if sentinel2.METADATA.fullmatch(found.name):
                return _of_file(found, source, variant)
    if _is_metadata(name):
        return _described_by(contents_of(path.absolute().parent), name, source, variant)
    if suffix == ".xml" and (image := planetscope.image_of(path)):
        return planetscope.find(image, source)
    if landsat.LEVEL_1.fullmatch(name):
        raise landsat.refuse_level_1(source)
    return None
