"""STAC items: files and addresses, of versions 1.0 and 1.1, read as the JSON that they are.

pystac would only hand on the same dictionaries: common names, scales and hrefs are looked up here
in both versions' places. Format: https://github.com/radiantearth/stac-spec.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.answers import SECONDS, refused_by
from sen2naip_sr.raster.access.locations import locate
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.product import Product, ProductBand, Scaling
from sen2naip_sr.raster.products.xml import as_number

LARGEST = 16 * 2**20
COMMON = {"red": "red", "green": "green", "blue": "blue", "nir": "nir", "nir08": "nir"}
"""Roles by common name. nir08, which Landsat has, is taken where there is no nir."""

NO_DATA_ROLES = {"overview", "thumbnail", "visual", "metadata", "data-mask"}
ENDINGS = (".json", ".geojson")
KEY = b'"stac_version"'
LINK = re.compile(r"https?://.+(/items/[^/?]+|\.(geo)?json)(\?.*)?")

APPLIED = "boa_offset_applied"
"""The end of a property of some providers."""


@dataclass(frozen=True)
class _Found:
    """A band of an asset that has a common name."""

    common: str
    name: str
    href: str
    number: int
    pixel: float
    several: int
    known: Mapping[str, Any]

    @property
    def rank(self) -> tuple[bool, float, int]:
        """What comes first: the common name itself, the finest pixels, single bands."""
        return self.common == "nir08", self.pixel, self.several


def is_item(document: Any) -> bool:
    """Return whether a JSON document is a STAC item."""
    return isinstance(document, dict) and "stac_version" in document and "assets" in document


def read_item(source: str) -> dict[str, Any] | None:
    """Return the item in a file or at an address; None if it is something else.

    Raises:
        UserError: If a server does not answer it.
    """
    try:
        content = _fetched(source) if LINK.fullmatch(source) else _start_of(Path(source))
        if KEY not in content:
            return None
        document = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None
    return document if is_item(document) else None


def find(item: Mapping[str, Any], source: str) -> Product:
    """Return the product that an item describes.

    Raises:
        UserError: If it has no band of a role, or an asset may not be opened from there.
    """
    remote = bool(LINK.fullmatch(source))
    name = str(item.get("id") or "item")
    found = list(_bands(item))
    bands, chosen = [], []
    for role in ROLES:
        fitting = [band for band in found if COMMON.get(band.common) == role]
        if not fitting:
            raise _missing(name, role, found)
        chosen.append(min(fitting, key=lambda band: band.rank))
    for role, band in zip(ROLES, chosen, strict=True):
        href = _resolved(band.href, source, name, remote=remote)
        bands.append(_band(role, band, href))
    files = {path for band in bands if (path := locate(band.files[0]).file) is not None}
    local = () if remote else (Path(source),)
    known = item.get("properties") or {}
    return Product(
        kind=f"STAC item {item['stac_version']}",
        name=name,
        source=source,
        beside=None if remote else Path(source),
        bands=tuple(bands),
        files=(*local, *sorted(files)),
        sensor=_sensor(known),
        level=str(known.get("processing:level") or ""),
        baseline=str(known.get("s2:processing_baseline") or known.get("processing:version") or ""),
        date=str(known.get("datetime") or known.get("start_datetime") or ""),
        order=", ".join(f"{band.name} ({band.common})" for band in chosen) + ", by common names",
        notes=_contradictions(known, bands),
    )


def local_files(path: Path) -> tuple[Path, ...] | None:
    """Return the files of this machine that an item's assets name.

    Returns:
        None if the file is no item, or one without any band that could be taken.
    """
    try:
        item = read_item(str(path))
    except UserError:
        return None
    if item is None or not any(True for _ in _bands(item)):
        return None
    found = []
    for asset in item["assets"].values():
        if isinstance(asset, dict) and isinstance(asset.get("href"), str):
            href = _resolved(asset["href"], str(path), path.name, remote=False)
            try:
                found.append(locate(href).file)
            except UserError:
                # missing, or no raster
                continue
    return tuple(file for file in found if file)


def _contradictions(known: Mapping[str, Any], bands: list[ProductBand]) -> tuple[str, ...]:
    """Return what to say of an item that states an offset, and that it is in the values already."""
    applied = [name for name in known if name.endswith(APPLIED) and known[name] is True]
    stated = [band for band in bands if band.scaling and band.scaling.offset]
    if not applied or not stated:
        return ()
    offset = stated[0].scaling.offset if stated[0].scaling else 0.0
    return (
        f"the item states an offset of {offset:g}, and by {applied[0]} that it has been applied: "
        "one of both is wrong; the offset is written as it is stated",
    )


def _bands(item: Mapping[str, Any]) -> Iterator[_Found]:
    for key, asset in item["assets"].items():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            continue
        if NO_DATA_ROLES & {str(role) for role in asset.get("roles") or ()}:
            continue
        listed = asset.get("bands") or asset.get("eo:bands") or []
        rasters = asset.get("raster:bands") or []
        for place, band in enumerate(listed):
            raster = rasters[place] if place < len(rasters) else {}
            known = {**asset, **(item.get("properties") or {}), **raster, **asset, **band, **raster}
            common = band.get("eo:common_name") or band.get("common_name")
            if common in COMMON:
                yield _Found(
                    common,
                    str(band.get("name") or key),
                    asset["href"],
                    place + 1,
                    _pixel(known, item),
                    len(listed),
                    known,
                )


def _pixel(known: Mapping[str, Any], item: Mapping[str, Any]) -> float:
    transform = known.get("proj:transform")
    stated = known.get("raster:spatial_resolution") or known.get("spatial_resolution")
    if stated is None and isinstance(transform, list) and transform:
        stated = abs(transform[0])
    stated = stated or known.get("gsd") or (item.get("properties") or {}).get("gsd")
    number = as_number(str(stated))
    return float("inf") if number is None else number


def _band(role: str, band: _Found, href: str) -> ProductBand:
    known = band.known
    scale, offset = (_stated(known, name) for name in ("scale", "offset"))
    scaling = None
    if scale is not None:
        # an item that states a scale leaves out an offset of 0
        offset = offset or 0.0
        scaling = Scaling(scale, offset, f"scale {scale:g} and offset {offset:g} of the item")
    centre = _stated(known, "center_wavelength", "eo:center_wavelength")
    width = _stated(known, "full_width_half_max", "eo:full_width_half_max")
    return ProductBand(
        role,
        band.name,
        (href,),
        band.number,
        scaling,
        _stated(known, "nodata"),
        None if centre is None else 1000 * centre,
        None if width is None else 1000 * width,
    )


def _stated(known: Mapping[str, Any], *names: str) -> float | None:
    for name in (*names, *(f"raster:{name}" for name in names)):
        if isinstance(known.get(name), int | float):
            return float(known[name])
    return None


def _sensor(known: Mapping[str, Any]) -> str:
    text = f"{known.get('constellation')} {known.get('platform')}".lower()
    return "sentinel-2" if "sentinel-2" in text else ""


def _resolved(href: str, source: str, name: str, *, remote: bool) -> str:
    """Return what an asset's link means; an item of a server may not name files of this machine."""
    if not remote:
        if re.match(r"[a-z0-9+]+://|/vsi", href):
            return href.removeprefix("file://")
        return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(source)), href))
    found = urljoin(source, href)
    if found.startswith("/vsi") or urlsplit(found).scheme not in ("http", "https", "s3", "gs"):
        raise UserError(
            "location-refused",
            f"{name}: its asset {href} is on no server, and the item is",
            "download the item and its assets, and give the file",
        )
    return found


def _missing(name: str, role: str, found: list[_Found]) -> UserError:
    there = ", ".join(f"{band.name} ({band.common})" for band in found) or "none"
    return UserError(
        "product-band-missing",
        f"{name}: the STAC item has no asset whose common name is {role}; there are {there}",
        "give an item with red, green, blue and near-infrared, or its files as a stack",
    )


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST)


def _fetched(address: str) -> bytes:
    # imported where they are needed: most sources are on this machine
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(address, headers={"Accept": "application/json"}), timeout=SECONDS) as (
            answer
        ):
            return bytes(answer.read(LARGEST))
    except HTTPError as error:
        raise refused_by(address, error.code, error.url) from error
    except (URLError, TimeoutError) as error:
        raise UserError(
            "server-silent", f"{address}: cannot be read ({error})", "check the address"
        ) from error
