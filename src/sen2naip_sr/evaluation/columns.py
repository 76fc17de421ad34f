"""Columns of the tables of scores and comparisons, as they are shown to people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.metrics.metric import Metric

BY_NAME = "may have seen them"
"""Of weights that do not record what they have seen: only names of places could be compared."""

ALL_BANDS = "all"
"""The scores' ``band`` on rows over all bands together."""

LINEAR, PROJECTED = "linear", "projected"
"""Names of the methods of `sen2naip_sr.evaluation.references`."""
REFERENCES = (LINEAR, PROJECTED)
FAILED = "failed"
"""Of a network below the linear filter: its training failed, and says nothing about its design."""


def noted(name: str, *notes: object) -> str:
    """Return a method's name with notes in brackets, if there are any.

    Args:
        name: The name.
        notes: Texts; empty ones, and the NaN of empty cells of a CSV file, are left out.
    """
    texts = [note for note in notes if note and isinstance(note, str)]
    return f"{name} ({', '.join(texts)})" if texts else name


@dataclass(frozen=True)
class Column:
    """One shown column: its heading, with the unit, and a format string over the row's values."""

    title: str
    template: str

    def show(self, row: Mapping[Any, Any]) -> str:
        """Return the cell's text, with "-" for what has no value."""
        return self.template.format(**row).replace("+nan", "-").replace("nan", "-")


DIFFERENCE = Column("difference dB", "{delta_psnr:+.2f} [{delta_low:+.2f}, {delta_high:+.2f}]")
"""The paired difference in PSNR to the best interpolation, with its interval."""


def _columns(metrics: list[Metric], short: bool) -> tuple[Column, ...]:
    columns = [
        Column((short and metric.short) or metric.heading, metric.template) for metric in metrics
    ]
    return (columns[0], DIFFERENCE, *columns[1:])


COLUMNS = _columns([m for m in METRICS.values() if m.shown == "narrow"], short=True)
"""Columns of a comparison in a terminal of 80 characters."""
WIDE_COLUMNS = _columns([m for m in METRICS.values() if m.shown != "nowhere"], short=False)
"""Columns of a comparison on a page."""


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
