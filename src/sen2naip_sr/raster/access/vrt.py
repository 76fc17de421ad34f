"""What a VRT refers to. GDAL opens anything that one names, so it is read here first.

Format: https://gdal.org/en/stable/drivers/raster/vrt.html
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.locations import require_file

ENDING = ".vrt"

LARGEST = 32 * 2**20
"""Bytes of a VRT: a mosaic of ten thousand tiles has 5 MB."""

REFERENCES = ("sourcefilename", "sourcedataset", "filename", "overviewfile", "sourcevrtfilename")
"""Elements and attributes, in small letters, that name another raster."""

CODE = ("pixelfunctionlanguage", "pixelfunctioncode")
RAW = "vrtrawrasterband"


def references(path: Path) -> list[str]:
    """Return the paths of all files that a VRT refers to, as GDAL resolves them.

    Raises:
        UserError: If it is no readable VRT, or holds code or raw bands.
    """
    root = _parsed(path)
    found: dict[str, None] = {}
    for element in root.iter():
        tag = _plain(element.tag)
        if tag in CODE:
            raise _refused(path, "it holds code")
        for name, value in element.attrib.items():
            if value.lower() == RAW:
                raise _refused(path, "it holds raw bands, which may show any file")
            if _plain(name) in REFERENCES:
                found[_resolved(path, value, relative=False)] = None
        if tag in REFERENCES:
            if len(element):
                raise _refused(path, f"its {element.tag} is no file")
            relative = any(
                _plain(name) == "relativetovrt" and value.strip().lower() not in ("0", "no")
                for name, value in element.attrib.items()
            )
            found[_resolved(path, (element.text or "").strip(), relative=relative)] = None
    return list(found)


def _parsed(path: Path) -> ElementTree.Element:
    try:
        if require_file(path).stat().st_size > LARGEST:
            raise _refused(path, f"it is larger than {LARGEST // 2**20} MB")
        content = path.read_bytes()
        if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
            raise _refused(path, "it declares entities")
        root = ElementTree.fromstring(content)
    except (OSError, ValueError, LookupError, ElementTree.ParseError, RecursionError) as error:
        raise _refused(path, f"its XML cannot be read ({error})") from error
    if _plain(root.tag) != "vrtdataset":
        raise _refused(path, f"it holds '{root.tag}', and not a VRTDataset")
    return root


def _plain(name: str) -> str:
    """Return a name as GDAL compares it: without namespace, in small letters."""
    return re.sub(r"^(\{.*\}|.*:)", "", name).lower()


def _resolved(path: Path, name: str, *, relative: bool) -> str:
    if relative and not name.startswith(("/", "<")) and "://" not in name:
        return str(path.parent / name)
    return name


def all_references(path: Path) -> list[str]:
    """Return what a VRT refers to, and what VRTs among those refer to, each once.

    Raises:
        UserError: As in `references`.
    """
    found: dict[str, None] = {}
    waiting = [path]
    while waiting:
        for name in references(waiting.pop()):
            if name not in found and name.lower().endswith(ENDING) and Path(name).is_file():
                waiting.append(Path(name))
            found[name] = None
    return list(found)


def _refused(path: Path, reason: str) -> UserError:
    return UserError(
        "vrt-refused",
        f"{path}: the VRT is not opened: {reason}",
        "make a GeoTIFF of it with a tool that you trust it to",
    )
