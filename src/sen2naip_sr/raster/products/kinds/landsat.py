"""Landsat Collection 2 level 2: folders or tar files with their MTL.

Format: Landsat 8-9 Collection 2 Level 2 Science Product Guide, LSDS-1619.
"""

import re
from pathlib import PurePosixPath

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.contents import Contents
from sen2naip_sr.raster.products.product import Product, ProductBand, Scaling, ordered
from sen2naip_sr.raster.products.sensors import SENSORS
from sen2naip_sr.raster.products.xml import as_number, parse_xml

METADATA = re.compile(r"(L[COTEM]0\d_L2S[PR]_\d{6}_\d{8}_\d{8}_\d{2}_(?:T1|T2|RT))_MTL\.(txt|xml)")
LEVEL_1 = re.compile(r"L[COTEM]0\d_L1(TP|GT|GS)_.*_MTL\.(txt|xml|json)")
LATE, EARLY = ("4", "3", "2", "5"), ("3", "2", "1", "4")
"""Numbers of the bands red, green, blue and near-infrared: of Landsat 8 and 9, and before."""

REFLECTANCE = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"
NOTE = "pixels of 30 m, far from those that the networks have seen: look at the result with care"
NODATA = 0.0


def find(contents: Contents, source: str, metadata: str) -> Product:
    """Return the product that an MTL describes; errors as those of `ordered`."""
    found = METADATA.fullmatch(PurePosixPath(metadata).name)
    assert found is not None
    name = found[1]
    groups = _groups(contents, metadata)
    stated = groups.get(REFLECTANCE, {})
    early = name[3] in "4567"
    numbers, sensor = (EARLY, SENSORS["landsat-7"]) if early else (LATE, SENSORS["landsat-8"])
    bands, files = {}, []
    for place, (role, number) in enumerate(zip(ROLES, numbers, strict=True)):
        there = contents.matching(f"{name}_SR_B{number}.TIF")
        if there:
            files.append(there[0])
            bands[role] = ProductBand(
                role,
                f"SR_B{number}",
                (contents.gdal_name(there[0]),),
                scaling=_scaling(stated, number),
                nodata=NODATA,
                wavelength=sensor.wavelengths[place],
                bandwidth=sensor.bandwidths[place],
            )
    chosen = ordered(bands, name, f"its reflectance is in the files {name}_SR_B*.TIF")
    known = {key: value for group in groups.values() for key, value in group.items()}
    return Product(
        kind=f"Landsat {int(name[2:4])} Collection 2 level 2",
        name=name,
        source=source,
        beside=contents.beside(source),
        bands=chosen,
        files=contents.local_files([*files, metadata]),
        sensor="landsat-7" if early else "landsat-8",
        level=known.get("PROCESSING_LEVEL", "L2SP"),
        baseline=known.get("PROCESSING_SOFTWARE_VERSION", ""),
        date=known.get("DATE_ACQUIRED", ""),
        order=f"{', '.join(band.name for band in chosen)}, by the spacecraft {name[:4]}",
        notes=(NOTE,),
    )


def refuse_level_1(name: str) -> UserError:
    """Return the error of a level 1 product."""
    return UserError(
        "product-unknown",
        f"{name}: Landsat level 1, whose values are no surface reflectance",
        "give the level 2 product, or its files as a stack",
    )


def _scaling(stated: dict[str, str], number: str) -> Scaling | None:
    scale = as_number(stated.get(f"REFLECTANCE_MULT_BAND_{number}"))
    offset = as_number(stated.get(f"REFLECTANCE_ADD_BAND_{number}"))
    if scale is None or offset is None:
        return None
    by = f"REFLECTANCE_MULT_BAND_{number} {scale:g} and REFLECTANCE_ADD_BAND_{number} {offset:g}"
    return Scaling(scale, offset, by)


def _groups(contents: Contents, metadata: str) -> dict[str, dict[str, str]]:
    """Return the entries of an MTL by group: names repeat between the groups of the levels."""
    content = contents.read(metadata)
    if metadata.endswith(".xml"):
        root = parse_xml(content, f"{contents.place}: {metadata}")
        return {
            group.tag: {entry.tag: (entry.text or "").strip() for entry in group} for group in root
        }
    groups: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        key, mark, value = (part.strip() for part in line.partition("="))
        if key == "GROUP":
            current = groups.setdefault(value, {})
        elif mark and key != "END_GROUP":
            current[key] = value.strip('"')
    return groups
