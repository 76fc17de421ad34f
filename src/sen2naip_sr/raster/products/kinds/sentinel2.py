"""Sentinel-2 L1C and L2A products of ESA: .SAFE folders, zips of them, and their MTD files.

Those until 2016, with longer names and several granules, are known too. Format: Sentinel-2 Products
Specification Document, S2-PDGS-TAS-DI-PSD, before and from version 14.
"""

import re
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.contents import Contents
from sen2naip_sr.raster.products.product import (
    Product,
    ProductBand,
    Scaling,
    ordered,
    product_fault,
)
from sen2naip_sr.raster.products.sensors import SENSORS
from sen2naip_sr.raster.products.xml import as_number, number_of, parse_xml, text_of

METADATA = re.compile(r"(?:MTD_MSI|S2[A-D]_(?:OPER|USER)_MTD_SAF)L(1C|2A)(?:_\w+)?\.xml")
GRANULE = re.compile(r"MTD_TL\.xml|S2[A-D]_(?:OPER|USER)_MTD_L(?:1C|2A)_TL_\w+\.xml")
ARCHIVE = re.compile(r"S2[A-D]_(?:MSI|(?:OPER|USER)_PRD_MSI)L(1C|2A)_")
BANDS = dict(zip(ROLES, ("B4", "B3", "B2", "B8"), strict=True))
NUMBERS = dict(zip(ROLES, ("3", "2", "1", "7"), strict=True))
"""What the metadata call the bands, where they do not say it themselves."""

ORDER = "B04, B03, B02, B08: the bands of 10 m, by the names of their files"


def find(contents: Contents, source: str, metadata: str) -> Product:
    """Return the product that a file of metadata describes.

    Args:
        contents: What there is.
        source: What the user gave.
        metadata: The name of the file in the contents.

    Raises:
        UserError: If a band is missing, granules lie in several zones, or the XML is refused.
    """
    root = parse_xml(contents.read(metadata), f"{contents.place}: {metadata}")
    found = METADATA.fullmatch(PurePosixPath(metadata).name)
    assert found is not None
    level = f"L{found[1]}"
    folder = str(PurePosixPath(metadata).parent)
    files = _band_files(contents, "" if folder == "." else f"{folder}/", level)
    name = text_of(root, "PRODUCT_URI", "PRODUCT_URI_2A", "PRODUCT_URI_1C").removesuffix(".SAFE")
    place = contents.place
    name = name or PurePosixPath(folder if folder != "." else place.name).stem
    _require_all(name, files, level, contents)
    _require_one_zone(name, files)
    scalings = {role: _scaling(root, role, level) for role in ROLES}
    nodata = _nodata(root)
    bands = {role: _band(root, role, files[role], scalings[role], nodata) for role in files}
    named = [name for role in ROLES for name in files[role]]
    return Product(
        kind=f"Sentinel-2 {level}",
        name=name,
        source=source,
        beside=place,
        bands=tuple(
            _located(band, contents) for band in ordered(bands, name, "its bands are listed above")
        ),
        files=contents.local_files([*named, metadata]),
        sensor="sentinel-2",
        level=level,
        baseline=text_of(root, "PROCESSING_BASELINE"),
        date=text_of(root, "DATATAKE_SENSING_START", "PRODUCT_START_TIME"),
        order=ORDER + _granules(len(files["red"])),
    )


def _band_files(contents: Contents, folder: str, level: str) -> dict[str, tuple[str, ...]]:
    """Return the files of 10 m by role, one for each granule."""
    ending = "_10m" if level == "L2A" else ""
    files: dict[str, tuple[str, ...]] = {}
    for role, band in BANDS.items():
        pattern = re.compile(
            rf"{re.escape(folder)}GRANULE/[^/]+/IMG_DATA/(R10m/)?[^/]*_B0{band[1:]}{ending}\.jp2"
        )
        files[role] = tuple(sorted(name for name in contents.names if pattern.fullmatch(name)))
    return files


def _require_all(
    name: str, files: dict[str, tuple[str, ...]], level: str, contents: Contents
) -> None:
    granules = {_granule(file) for found in files.values() for file in found}
    if not granules:
        coarse = any(re.search(r"_B0?[234]_(20|60)m\.jp2$", file) for file in contents.names)
        if level == "L2A" and coarse:
            raise UserError(
                "product-too-coarse",
                f"{name}: holds its bands at 20 or 60 m only, and near-infrared (B08) is of 10 m",
                "download the product with its bands of 10 m",
            )
        raise product_fault(
            name,
            "has none of the files of B04, B03, B02 and B08 of 10 m",
            "download it as a whole: GRANULE/*/IMG_DATA with its bands",
        )
    for granule in sorted(granules):
        missing = [
            f"B0{BANDS[role][1:]} ({role})"
            for role in ROLES
            if granule not in map(_granule, files[role])
        ]
        if missing:
            raise UserError(
                "product-band-missing",
                f"{name}: granule {granule} has no file of {', '.join(missing)} of 10 m",
                "download the product as a whole, with all its bands",
            )


def _granule(file: str) -> str:
    return next(
        part
        for before, part in zip(file.split("/"), file.split("/")[1:], strict=False)
        if before == "GRANULE"
    )


def _require_one_zone(name: str, files: dict[str, tuple[str, ...]]) -> None:
    tiles = [re.search(r"T(\d{2})([A-Z]{3})_", file.rpartition("/")[2]) for file in files["red"]]
    zones = sorted({tile[1] for tile in tiles if tile})
    if len(zones) > 1:
        shown = ", ".join(sorted(tile[0].rstrip("_") for tile in tiles if tile))
        raise UserError(
            "product-several-zones",
            f"{name}: its granules {shown} lie in the UTM zones {' and '.join(zones)}, and one "
            "raster has one coordinate system",
            "give the granules of one zone, each as a product of its own",
        )


def _scaling(root: Element, role: str, level: str) -> Scaling | None:
    """Return scale and offset of a band, as the metadata state them."""
    kinds: tuple[str, ...] = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    tag = "BOA_ADD_OFFSET"
    if level == "L1C":
        tag, kinds = "RADIO_ADD_OFFSET", ("QUANTIFICATION_VALUE",)
    quantification = number_of(root, *kinds)
    if not quantification:
        return None
    offsets = {element.get("band_id", ""): as_number(element.text) for element in root.iter(tag)}
    stated = f"{kinds[0]} {quantification:g}"
    if not offsets:
        return Scaling(1 / quantification, 0.0, f"{stated}, without {tag}")
    offset = offsets.get(_band_id(root, role))
    if offset is None:
        return None
    return Scaling(1 / quantification, offset / quantification, f"{stated} and {tag} {offset:g}")


def _band_id(root: Element, role: str) -> str:
    found = (
        element.get("bandId", "")
        for element in root.iter("Spectral_Information")
        if element.get("physicalBand") == BANDS[role]
    )
    return next(found, NUMBERS[role])


def _nodata(root: Element) -> float:
    for values in root.iter("Special_Values"):
        if text_of(values, "SPECIAL_VALUE_TEXT") == "NODATA":
            stated = number_of(values, "SPECIAL_VALUE_INDEX")
            if stated is not None:
                return stated
    return 0.0


def _band(
    root: Element, role: str, files: tuple[str, ...], scaling: Scaling | None, nodata: float
) -> ProductBand:
    sensor, position = SENSORS["sentinel-2"], ROLES.index(role)
    centre, width = sensor.wavelengths[position], sensor.bandwidths[position]
    for element in root.iter("Spectral_Information"):
        if element.get("physicalBand") == BANDS[role]:
            least, most = number_of(element, "MIN"), number_of(element, "MAX")
            centre = number_of(element, "CENTRAL") or centre
            if least and most:
                width = most - least
    return ProductBand(role, f"B0{BANDS[role][1:]}", files, 1, scaling, nodata, centre, width)


def _located(band: ProductBand, contents: Contents) -> ProductBand:
    return band.__class__(
        **{**band.__dict__, "files": tuple(contents.gdal_name(name) for name in band.files)}
    )


def _granules(count: int) -> str:
    return f"; {count} granules of one zone, put together" if count > 1 else ""
