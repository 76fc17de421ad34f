"""Nested parameters as flat ones."""

from collections.abc import Mapping
from typing import Any


def flattened(
    values: Mapping[str, Any], prefix: str = "", *, nulls: bool = False
) -> dict[str, Any]:
    """Return nested parameters as flat ones, joined by dots; nulls are left out by default."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{name}.", nulls=nulls)
        elif value is not None or nulls:
            flat[f"{prefix}{name}"] = value
    return flat
