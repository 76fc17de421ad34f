"""The table of methods by sensor and place as a page of Markdown."""

import math
from typing import cast

import pandas as pd

from sen2naip_sr.evaluation.columns import FAILED, markdown, noted
from sen2naip_sr.evaluation.test_sets.scoring import PIXEL, PLACE, SENSOR
from sen2naip_sr.evaluation.test_sets.table import COLUMNS

Where = tuple[str, str, float]
"""Sensor, place and pixel size in metres, NaN if unknown."""


def write_page(table: pd.DataFrame) -> str:
    """Return two tables: the gains, a column for each place, and everything, a row for each.

    The table is that of `sen2naip_sr.evaluation.test_sets.table`.
    """
    note = f"\n{FAILED}: below the linear filter\n" if table[FAILED].any() else ""
    return f"{_gains(table)}\n\n{_everything(table)}\n{note}"


def by_place(table: pd.DataFrame) -> list[tuple[Where, pd.DataFrame]]:
    """Return the rows of each place, in the order of the table."""
    grouped = table.groupby([SENSOR, PLACE, PIXEL], sort=False, dropna=False)
    return [(cast(Where, where), rows) for where, rows in grouped]


def names_of(table: pd.DataFrame) -> dict[str, str]:
    """Return the methods with the origin of their weights, and whether they failed everywhere."""
    rows = table.groupby("method").agg({"origin": "first", FAILED: "all"}).itertuples()
    return {name: noted(name, origin, FAILED if failed else "") for name, origin, failed in rows}


def place_title(sensor: str, place: str, pixel: float) -> str:
    """Return a place's name with its sensor and pixel size, where known."""
    size = f", {pixel:g} m" if math.isfinite(pixel) else ""
    return f"{sensor}: {place}{size}" if sensor else f"{place}{size}"


def _gains(table: pd.DataFrame) -> str:
    places = by_place(table)
    rows = []
    named = names_of(table)
    for method in dict.fromkeys([*places[-1][1]["method"], *table["method"]]):
        rows.append([named[method], *(_gain(own[own["method"] == method]) for _, own in places)])
    head = ["gain over Lanczos, dB", *(place_title(*where) for where, _ in places)]
    return markdown(head, rows)


def _gain(row: pd.DataFrame) -> str:
    """Return a method's gain at a place: a row, or none if it was not scored there."""
    if not len(row):
        return "-"
    return noted(f"{row['gain'].iloc[0]:+.2f}", FAILED if row[FAILED].iloc[0] else "")


def _everything(table: pd.DataFrame) -> str:
    rows = [
        [
            place_title(row[SENSOR], row[PLACE], row[PIXEL]),
            noted(row["method"], row["origin"], FAILED if row[FAILED] else ""),
            *(column.show(row).replace(" [-, -]", "") for column in COLUMNS),
        ]
        for row in table.to_dict("records")
    ]
    return markdown(["place", "method", *(column.title for column in COLUMNS)], rows)
