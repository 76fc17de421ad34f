"""Which bands are red, green, blue and near-infrared, by what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sen2naip_sr_qgis.core.problems import Problem

ROLES = ("red", "green", "blue", "near-infrared")

_WORDS = {
    "red": "red", "r": "red",
    "green": "green", "g": "green",
    "blue": "blue", "b": "blue",
    "nir": "near-infrared", "nearinfrared": "near-infrared", "n": "near-infrared",
    "ir": "near-infrared", "infrared": "near-infrared", "nir08": "near-infrared",
}  # fmt: skip
_SENTINEL_2 = {"b4": "red", "b3": "green", "b2": "blue", "b8": "near-infrared"}
_LANDSAT_8 = {"b4": "red", "b3": "green", "b2": "blue", "b5": "near-infrared"}
_LANDSAT_7 = {"b3": "red", "b2": "green", "b1": "blue", "b4": "near-infrared"}


@dataclass(frozen=True)
class Preset:
    """The bands to take.

    Attributes:
        numbers: Red, green, blue and near-infrared, from 1; None if nothing tells them.
        why: How they were found, in a few words.
        named: Whether their names or colours tell them.
    """

    numbers: tuple[int, ...] | None
    why: str
    named: bool = False


def preset(names: Sequence[str], colours: Sequence[str] = ()) -> Preset:
    """Return the bands of a layer that are red, green, blue and near-infrared.

    Args:
        names: As QGIS shows them: ``Band 1: Red``, ``Band 4 (Alpha)``.
        colours: Colour interpretations. Near-infrared is often called alpha, so that a fourth
            band beside red, green and blue is taken for it.
    """
    words = [described(name) for name in names]
    if numbers := _all_roles(_by_name(words)):
        return Preset(numbers, "by their names", named=True)
    kinds = [_WORDS.get(colour.casefold(), "") for colour in colours]
    if len(names) == len(ROLES) and kinds[:3] == list(ROLES[:3]):
        return Preset((1, 2, 3, 4), "by their colours; the fourth is taken for near-infrared", True)
    if numbers := _all_roles(kinds):
        return Preset(numbers, "by their colours", named=True)
    if len(names) == len(ROLES):
        return Preset((1, 2, 3, 4), "in the order of the file: nothing names them")
    return Preset(None, "nothing names them")


def parse(text: str, count: int) -> tuple[int, ...] | None:
    """Return the bands that were typed, such as ``3,2,1,4``; None for an empty text.

    Raises:
        Problem: If one is no number from 1 to ``count``, or is given twice.
    """
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not parts:
        return None
    right = f"type numbers from 1 to {count} in the order red, green, blue, near-infrared: 3,2,1,4"
    for part in parts:
        if not part.isdecimal() or not 1 <= int(part) <= count:
            raise Problem(f"'{part}' is no band of the layer, which has {count}.", right)
    numbers = tuple(map(int, parts))
    if len(set(numbers)) < len(numbers):
        raise Problem(f"The bands '{text}' name one twice.", right)
    return numbers


def require(chosen: Preset, layer: str, names: Sequence[str]) -> tuple[int, ...]:
    """Return the bands of a preset.

    Raises:
        Problem: If nothing told them. It names the layer and lists its bands.
    """
    if len(names) < len(ROLES):
        count = f"{len(names)} band{'s' * (len(names) != 1)}"
        raise Problem(
            f"The layer '{layer}' has {count}; red, green, blue and near-infrared are needed.",
            "put the bands into one layer first (Raster, Miscellaneous, Build Virtual Raster, "
            "with every file in a band of its own), or take weights for these bands",
        )
    if chosen.numbers is None:
        listed = ", ".join(f"{n} {described(name)}".strip() for n, name in enumerate(names, 1))
        raise Problem(
            f"Nothing tells which of the {len(names)} bands of '{layer}' are red, green, blue and "
            "near-infrared.",
            f"choose them (parameter 'Bands'); the layer has: {listed}",
        )
    return chosen.numbers


def described(name: str) -> str:
    """Return the name of a band without QGIS' number before it: ``Band 1: Red`` gives ``Red``."""
    found = re.match(r"^\S+ \d+(?::\s*(?P<text>.*)|\s*\((?P<colour>.*)\))?$", name)
    if not found:
        return name.strip()
    return (found["text"] or found["colour"] or "").strip()


def _all_roles(roles: Sequence[str]) -> tuple[int, ...] | None:
    """Return the numbers of the four roles, if each is there once."""
    if all(list(roles).count(role) == 1 for role in ROLES):
        return tuple(list(roles).index(role) + 1 for role in ROLES)
    return None


def _by_name(words: Sequence[str]) -> list[str]:
    keys = [_key(word) for word in words]
    sensor = _sensor(set(keys))
    return [
        _WORDS.get(_first(word)) or _WORDS.get(key) or sensor.get(key, "")
        for word, key in zip(words, keys)
    ]


def _sensor(keys: set[str]) -> Mapping[str, str]:
    """Return what the bands of the sensor mean that numbers its bands like this."""
    if {"b8", "b8a"} & keys:
        return _SENTINEL_2
    if "b6" in keys or keys == {"b2", "b3", "b4", "b5"}:
        return _LANDSAT_8
    return _LANDSAT_7 if {"b1", "b2", "b3", "b4"} <= keys else {}


def _first(text: str) -> str:
    if re.match(r"near[ _-]*infra", text.strip(), re.IGNORECASE):
        return "nir"
    return re.split(r"[\s(:,;/]+", text.strip().casefold())[0]


def _key(text: str) -> str:
    """Return the first word without capitals, signs, ``SR_`` and leading zeros of its number."""
    plain = re.sub(r"[^a-z0-9]", "", _first(text))
    return re.sub(r"^([a-z]+)0+(?=\d)", r"\1", re.sub("^sr", "", plain))
