"""The table of completed items: points, and the evidence for each."""

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters


class Item(Parameters):
    """One row of the table."""

    item: str
    """What was to be done."""
    points: float | None = Field(ge=0)
    """Points that it is worth; null: required without points."""
    command: str
    """The command that shows it."""
    file: str
    """The file that it stands in, relative to the project: code, or a page of the docs."""


def read_items(file: Path) -> list[Item]:
    """Read the table.

    Raises:
        UserError: If it cannot be read, or a row is not valid.
    """
    try:
        return TypeAdapter(list[Item]).validate_python(
            yaml.safe_load(file.read_text(encoding="utf-8"))
        )
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            "report-items-invalid", f"{file}: {error}", "correct the table of items"
        ) from error


def rows_of(items: list[Item], root: Path) -> list[dict[str, str]]:
    """Return the rows of the table; an item counts if its evidence exists."""
    return [
        {
            "item": one.item,
            "points": "" if one.points is None else f"{one.points:g}",
            "command": one.command,
            "file": one.file,
            "done": "yes" if (root / one.file).exists() else "no",
        }
        for one in items
    ]


def total(items: list[Item], root: Path) -> str:
    """Return the sum of the points whose evidence exists."""
    return f"{sum(one.points or 0 for one in items if (root / one.file).exists()):g}"
