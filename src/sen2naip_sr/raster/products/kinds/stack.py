"""Single-band files that are given by role, as in ``red=B04.jp2,green=B03.jp2,...``."""

import glob
import os
from itertools import takewhile
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.locations import is_elsewhere, locate
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.product import Product, ProductBand

PREFIX = "stack:"
"""What the text of a stack begins with, where sources are texts."""

SYNONYMS = {"r": "red", "g": "green", "b": "blue", "n": "nir", "near-infrared": "nir"}


def find(source: str) -> Product:
    """Return the stack that a text describes.

    Args:
        source: ``stack:ROLE=FILE,...``. A file may be a pattern that fits one file.

    Raises:
        UserError: If a role is unknown, given twice or missing, or a pattern fits several files.
    """
    found: dict[str, str] = {}
    for part in source.removeprefix(PREFIX).split(","):
        name, mark, file = (text.strip() for text in part.partition("="))
        role = SYNONYMS.get(name.lower(), name.lower())
        if not mark or not file or role not in ROLES:
            raise _invalid(f"'{part.strip()}' is not ROLE=FILE with one of {', '.join(ROLES)}")
        if role in found:
            raise _invalid(f"the role {role} is given twice: {found[role]} and {file}")
        found[role] = _one_file(role, file)
    twice = [role for role in found if list(found.values()).count(found[role]) > 1]
    if twice:
        raise _invalid(f"{' and '.join(twice)} are the same file, {found[twice[0]]}")
    if missing := [role for role in ROLES if role not in found]:
        raise _invalid(f"there is no {', '.join(missing)}")
    local = [Path(file) for file in found.values() if not is_elsewhere(file)]
    return Product(
        kind="stack of files",
        name=_common_name([Path(file.partition("?")[0]).stem for file in found.values()]),
        source=source,
        beside=local[0] if local else None,
        bands=tuple(ProductBand(role, role, (found[role],)) for role in ROLES),
        files=tuple(path for file in found.values() if (path := locate(file).file)),
        order=", ".join(f"{role} {Path(found[role]).name}" for role in ROLES) + ", as given",
    )


def _one_file(role: str, file: str) -> str:
    if is_elsewhere(file):
        return file
    path = os.path.expanduser(file)
    if os.path.lexists(path) or not glob.has_magic(path):
        locate(path)
        return path
    matches = sorted(match for match in glob.glob(path, recursive=True) if os.path.isfile(match))
    if len(matches) != 1:
        shown = f": {', '.join(matches[:3])}" if matches else ""
        raise _invalid(f"the pattern of {role}, {file}, fits {len(matches)} files{shown}")
    return matches[0]


def _common_name(stems: list[str]) -> str:
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    return "".join(letters[0] for letters in same).rstrip("_-. B0") or "stack"


def _invalid(problem: str) -> UserError:
    return UserError(
        "stack-invalid",
        f"the stack cannot be made: {problem}",
        "give one file for each of red, green, blue and nir",
    )
