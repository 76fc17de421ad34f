"""PlanetScope scenes of 4 and 8 bands, with or without XML and masks (UDM2, UDM).

Format: Planet Imagery Product Specifications, https://assets.planet.com/docs/.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.contents import read_metadata
from sen2naip_sr.raster.products.product import Product, ProductBand, Scaling, product_fault
from sen2naip_sr.raster.products.sensors import SENSORS
from sen2naip_sr.raster.products.xml import number_of, parse_xml, text_of

IMAGE = re.compile(
    r"(.+?_(?:1B|3A|3B))_Analytic(?:MS)?(_SR)?(_8b)?(?!.*_udm)[\w-]*\.tif", re.IGNORECASE
)
UDM2 = re.compile(r".*_udm2(_\w+)?\.tif", re.IGNORECASE)
UDM = re.compile(r".*_(?:1B|3A|3B)_Analytic.*_udm(_\w+)?\.tif", re.IGNORECASE)
ORDERS = {4: (3, 2, 1, 4), 8: (6, 4, 2, 8)}
"""Red, green, blue and near-infrared by the number of bands: of blue, green, red, near-infrared,
and of coastal blue, blue, green I, green, yellow, red, red edge, near-infrared."""

EIGHT = 8
_SUPERDOVE = SENSORS["planetscope"]
_WAVES = tuple(zip(_SUPERDOVE.wavelengths, _SUPERDOVE.bandwidths, strict=True))
_UNKNOWN = ((None, None),) * len(ROLES)

NAMES = {"red": "red", "green": "green", "blue": "blue", "nir": "nir", "near-infrared": "nir"}
SURFACE = Scaling(
    1e-4, 0.0, "Planet's specification of surface reflectance (x 10000); no file states it"
)
UNUSABLE = ((UDM2, 8, "UDM2"), (UDM, 1, "UDM"))
"""Masks, the bands of them whose first bit marks pixels without data, and their names."""


def find(image: Path, source: str) -> Product | None:
    """Return the scene of an image; None if it is none, or nothing tells its bands.

    Args:
        image: A GeoTIFF whose name fits `IMAGE`.
        source: What the user gave.

    Raises:
        UserError: If the image cannot be opened, or its XML is refused.
    """
    named = IMAGE.fullmatch(image.name)
    if named is None:
        return None
    metadata = _metadata(image)
    with open_raster(image) as opened:
        count, descriptions, nodata = opened.count, opened.descriptions, opened.nodata
    numbers, order = _numbers(count, descriptions, metadata is not None)
    if numbers is None:
        return None
    described = parse_xml(read_metadata(metadata), str(metadata)) if metadata else None
    # those of 4 bands are of several sensors, whose wavelengths differ
    waves = _WAVES if count == EIGHT else _UNKNOWN
    bands = tuple(
        ProductBand(
            role,
            descriptions[number - 1] or role,
            (str(image),),
            number,
            SURFACE if named[2] else _scaling(described, number),
            0.0 if nodata is None else nodata,
            *waves[place],
        )
        for place, (role, number) in enumerate(zip(ROLES, numbers, strict=True))
    )
    mask, number, title = _mask(image, named[1])
    files = (image, *filter(None, (metadata, mask)))
    return Product(
        kind=f"PlanetScope, {count} bands",
        name=image.stem,
        source=source,
        beside=image,
        bands=bands,
        files=files,
        sensor="planetscope",
        level="surface reflectance" if named[2] else "scaled radiance",
        baseline=text_of(described, "versionIsd", "productVersion")
        if described is not None
        else "",
        date=text_of(described, "acquisitionDateTime", "acquisitionDate", "beginPosition")
        if described is not None
        else "",
        order=order + (f"; {title} marks pixels without data" if mask else ""),
        usable=(str(mask), number) if mask else None,
    )


def question(path: Path) -> str:
    """Return what to ask of a file that is called like a PlanetScope scene; "" if it is not."""
    if IMAGE.fullmatch(path.name) is None:
        return ""
    return (
        "is it a PlanetScope scene, as its name says? Then its bands are blue, green, red, "
        "near-infrared, or eight from coastal blue to near-infrared, but neither an XML beside it "
        "nor names of its bands say so, and they are taken in the order of the file. What to do: "
        "put its XML beside it, or choose the bands: 3, 2, 1, 4 of four, 6, 4, 2, 8 of eight"
    )


def image_of(metadata: Path) -> Path | None:
    """Return the image that an XML describes; None if there is none beside it."""
    start = re.match(r"(.+?_(?:1B|3A|3B))_Analytic", metadata.name)
    if start is None:
        return None
    images = [path for path in _beside(metadata, start[1]) if IMAGE.fullmatch(path.name)]
    images = _of_as_many_bands(metadata, images)
    if len(images) > 1:
        raise product_fault(
            str(metadata),
            f"several images lie beside it: {', '.join(path.name for path in images)}",
            "give one of these",
        )
    return images[0] if images else None


def is_mask(name: str) -> bool:
    """Return whether a file is a mask of a scene."""
    return any(pattern.fullmatch(name) for pattern, _, _ in UNUSABLE)


def _mask(image: Path, start: str) -> tuple[Path | None, int, str]:
    """Return the best mask beside an image, which band of it is meant, and its name."""
    beside = _beside(image, start)
    for pattern, number, title in UNUSABLE:
        for path in beside:
            if pattern.fullmatch(path.name):
                return path, number, title
    return None, 0, ""


def _beside(path: Path, start: str) -> list[Path]:
    return sorted(other for other in path.parent.glob("*") if other.name.startswith(f"{start}_"))


def _of_as_many_bands(path: Path, others: list[Path]) -> list[Path]:
    """Return those of 8 bands, or those of 4, as names say: both may lie side by side."""
    eight = "_8b" in path.name
    return [other for other in others if ("_8b" in other.name) == eight] or others


def _metadata(image: Path) -> Path | None:
    named = IMAGE.fullmatch(image.name)
    assert named is not None
    found = [
        path
        for path in _beside(image, named[1])
        if re.search(r"_Analytic.*metadata(_\w+)?\.xml$", path.name)
    ]
    fitting = _of_as_many_bands(image, found)
    return fitting[0] if fitting else None


def _numbers(
    count: int, descriptions: tuple[str | None, ...], described: bool
) -> tuple[tuple[int, ...] | None, str]:
    """Return the numbers of red, green, blue and near-infrared, and why."""
    roles = [NAMES.get((text or "").casefold().replace(" ", "-"), "") for text in descriptions]
    if all(roles.count(role) == 1 for role in ROLES):
        numbers = tuple(roles.index(role) + 1 for role in ROLES)
        return numbers, f"bands {', '.join(map(str, numbers))}, by the names of the bands"
    if described and count in ORDERS:
        numbers = ORDERS[count]
        shown = ", ".join(map(str, numbers))
        return numbers, f"bands {shown}, by Planet's order of {count}, since its XML is beside it"
    return None, ""


def _scaling(root: Element | None, number: int) -> Scaling | None:
    """Return the coefficient that makes reflectance of scaled radiance."""
    for band in root.iter("bandSpecificMetadata") if root is not None else ():
        if number_of(band, "bandNumber") == number:
            coefficient = number_of(band, "reflectanceCoefficient")
            if coefficient:
                return Scaling(coefficient, 0.0, f"reflectanceCoefficient {coefficient:g}")
    return None
