"""What bands are called: by number or by name, and which are red, green, blue, near-infrared."""

import re
from collections.abc import Mapping, Sequence

from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown

ROLES = ("red", "green", "blue", "nir")
"""The order of networks for four bands."""

_SYNONYMS = {"r": "red", "g": "green", "b": "blue", "n": "nir", "nearinfrared": "nir", "ir": "nir"}
_SENTINEL = {"b4": "red", "b3": "green", "b2": "blue", "b8": "nir"}
_LANDSAT_8 = {"b4": "red", "b3": "green", "b2": "blue", "b5": "nir"}
_LANDSAT_7 = {"b3": "red", "b2": "green", "b1": "blue", "b4": "nir"}

ORDERS: Mapping[int, tuple[str, tuple[int, ...]]] = {
    5: ("RapidEye and most drones", (3, 2, 1, 5)),
    7: ("Landsat 8 and 9", (4, 3, 2, 5)),
    8: ("PlanetScope", (6, 4, 2, 8)),
    10: ("Sentinel-2 without its 60 m bands", (3, 2, 1, 7)),
    12: ("Sentinel-2", (4, 3, 2, 8)),
    13: ("Sentinel-2", (4, 3, 2, 8)),
}
"""Red, green, blue and near-infrared by the number of bands, where products have that many."""


def band_numbers(name: str, source: DatasetReader, bands: Sequence[int | str]) -> list[int]:
    """Return bands by number, from 1. Names are descriptions, such as B04, or colours.

    Capitals, a leading zero of a number, and what follows the first word do not matter.

    Raises:
        UserError: If no band has a name, or several have.
    """
    return [
        band if isinstance(band, int) else _numbered(name, source, band.strip()) for band in bands
    ]


def _numbered(name: str, source: DatasetReader, wanted: str) -> int:
    kinds = [kind.name for kind in source.colorinterp]
    texts = [description or "" for description in source.descriptions]
    for spelled in (str.strip, _key, _first_word):
        found = [n for n, text in enumerate(texts, 1) if text and spelled(text) == spelled(wanted)]
        if not found:
            found = [n for n, kind in enumerate(kinds, 1) if spelled(kind) == spelled(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(
                "band-name-ambiguous",
                f"{name}: bands {', '.join(map(str, found))} are all called '{wanted}'",
                "choose bands by their numbers",
            )
    raise UserError(
        "unknown-band",
        f"{name}: {describe_unknown('band', wanted, [text for text in texts if text])}",
        f"choose among its bands, {listed(source)}",
    )


def listed(source: DatasetReader) -> str:
    """Return a dataset's bands in words: numbers, names and colours."""
    return described(source.descriptions, source.colorinterp)


def described(descriptions: Sequence[str | None], kinds: Sequence[ColorInterp]) -> str:
    """Return bands in words: numbers, names and colours."""
    plain = (ColorInterp.undefined, ColorInterp.gray)
    words = [
        f"{number} {description or ('' if kind in plain else kind.name)}".strip()
        for number, (description, kind) in enumerate(zip(descriptions, kinds, strict=True), 1)
    ]
    return ", ".join(words)


def find_colours(
    descriptions: Sequence[str | None], kinds: Sequence[ColorInterp]
) -> tuple[int, ...] | None:
    """Return the numbers of red, green, blue and near-infrared, where names or colours tell all."""
    for roles in (_by_name(descriptions), [kind.name for kind in kinds]):
        if all(roles.count(role) == 1 for role in ROLES):
            return tuple(roles.index(role) + 1 for role in ROLES)
    return None


def numbers_by_role(
    wanted: Sequence[str], descriptions: Sequence[str | None], kinds: Sequence[ColorInterp]
) -> list[int] | None:
    """Return the numbers of bands that a network calls as Sentinel-2 does, or by colours.

    Args:
        wanted: The network's names.
        descriptions: Names of the bands of a file.
        kinds: Their colours.

    Returns:
        The bands' numbers in the network's order; None unless all its bands are red, green, blue
        or near-infrared, and the file tells which of its bands these are.
    """
    roles = [
        key if key in ROLES else _SYNONYMS.get(key) or _SENTINEL.get(key)
        for key in map(_key, wanted)
    ]
    numbers = find_colours(descriptions, kinds)
    if numbers is None or None in roles:
        return None
    return [numbers[ROLES.index(str(role))] for role in roles]


def suggestion(descriptions: Sequence[str | None], kinds: Sequence[ColorInterp]) -> str:
    """Say which bands of a file to take for a network of four, made from the file itself."""
    seen = f"its bands are {described(descriptions, kinds)}"
    if numbers := find_colours(descriptions, kinds):
        chosen = ", ".join(map(str, numbers))
        names = [descriptions[number - 1] or kinds[number - 1].name for number in numbers]
        return f"choose bands {chosen} ({', '.join(names)}); {seen}"
    if sum(kind != ColorInterp.alpha for kind in kinds) < len(ROLES):
        return f"give a file with all four; {seen}"
    if len(kinds) in ORDERS and not any(descriptions):
        product, numbers = ORDERS[len(kinds)]
        return (
            "choose the bands that are red, green, blue and near-infrared: nothing in the file "
            f"says which; in the order of {product} they are {', '.join(map(str, numbers))}"
        )
    return f"choose the bands that are red, green, blue and near-infrared; {seen}"


def _by_name(descriptions: Sequence[str | None]) -> list[str]:
    words = [_first_word(text or "") for text in descriptions]
    keys = [re.sub("^sr", "", _key(text or "")) for text in descriptions]
    sensor = _sensor(set(keys))
    return [
        word if word in ROLES else _SYNONYMS.get(word) or sensor.get(key, "")
        for word, key in zip(words, keys, strict=True)
    ]


def _sensor(keys: set[str]) -> Mapping[str, str]:
    """Return what the bands of the sensor mean that numbers its bands like this."""
    if {"b8", "b8a"} & keys:
        return _SENTINEL
    if "b6" in keys or {"b2", "b3", "b4", "b5"} == keys:
        return _LANDSAT_8
    return _LANDSAT_7 if {"b1", "b2", "b3", "b4"} <= keys else {}


def _key(text: str) -> str:
    """Return a name without capitals, signs and leading zeros of its number."""
    plain = re.sub(r"[^a-z0-9]", "", text.casefold())
    return re.sub(r"^([a-z]+)0+(?=\d)", r"\1", plain)


def _first_word(text: str) -> str:
    if re.match(r"near[ _-]*infra", text.strip(), re.IGNORECASE):
        return "nir"
    return _key(re.split(r"[\s(:,;/]+", text.strip())[0])
