"""What a result was derived from, as links of a STAC item."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from sen2naip_sr.raster.access.locations import locate
from sen2naip_sr.raster.products.kinds.stack import PREFIX
from sen2naip_sr.raster.products.product import Product

TYPES = {
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".jp2": "image/jp2",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gpkg": "application/geopackage+sqlite3",
    ".xml": "application/xml",
    ".vrt": "application/xml",
    ".zip": "application/zip",
}
ITEM = "application/geo+json"
BUCKETS = {"vsis3": "s3", "vsigs": "gs", "vsiaz": "az", "vsioss": "oss"}


def derived_from(source: Path | str, product: Product | None, folder: Path) -> list[dict[str, str]]:
    """Return the links to what a result was derived from.

    Files are named as seen from ``folder``, which the item lies in. Addresses lose what may be a
    secret: user, password, and what follows the question mark. A stack has a link for each file.
    """
    places: list[Path | str] = [source]
    if product and product.source.startswith(PREFIX):
        places = [name for band in product.bands for name in band.files]
    is_item = bool(product and product.kind.startswith("STAC item"))
    return [_link(place, folder, product, is_item=is_item) for place in places]


def _link(
    place: Path | str, folder: Path, product: Product | None, *, is_item: bool
) -> dict[str, str]:
    href = _href(place, folder)
    kind = ITEM if is_item else TYPES.get(Path(href).suffix.lower())
    title = f"{product.kind}: {product.name}" if product else str(place).rpartition("/")[2]
    return {
        "rel": "derived_from",
        "href": href,
        **({"type": kind} if kind else {}),
        "title": _without_secrets(title),
    }


def _href(place: Path | str, folder: Path) -> str:
    path = Path(place)
    if not path.exists():
        location = locate(place)
        if location.file is None:
            return _address(location.name)
        path = location.file
    path = path.resolve()
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:
        # another drive of Windows
        return path.as_uri()


def _address(name: str) -> str:
    """Return the address of a remote resource that GDAL names."""
    inner = re.split(r"/vsicurl(?:_streaming)?/|[?&]url=", name)[-1]
    if found := re.fullmatch(r"/(vsi\w+?)(?:_streaming)?/(.*)", inner):
        inner = f"{BUCKETS.get(found[1], found[1])}://{found[2]}"
    return _without_secrets(inner)


def _without_secrets(address: str) -> str:
    if "://" not in address:
        return address.partition("?")[0]
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
