"""What goes wrong, in the words of somebody in QGIS: a problem and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PHRASES = {
    "alpha-or-image": "parameter 'Bands'",
    "area-outside": "parameter 'Area'",
    "backend-missing": "see the log",
    "band-name-ambiguous": "parameter 'Bands'",
    "bands-differ": "parameter 'Bands', or 'Own weights' for other bands",
    "calibration-missing": "leave out the output 'Uncertainty'",
    "conditions-not-supported": "set 'Noise' and 'Blur' to auto",
    "format-refused": "parameter 'Drivers', or export the layer as GeoTIFF",
    "image-too-small": "untick 'Consistency'",
    "no-bands": "parameter 'Bands'",
    "no-shipped-weights": "parameter 'Model', or 'Own weights'",
    "noise-out-of-range": "parameters 'Noise' and 'Value range'",
    "result-not-finite": "parameter 'Value range'",
    "unknown-band": "parameter 'Bands'",
    "unknown-driver": "parameter 'Drivers'",
    "value-range-invalid": "parameter 'Value range'",
    "write-failed": "another output",
}
"""Where in the dialog a remedy is applied, by the code of the command's or the server's error."""


class Problem(Exception):
    """Something that the user can fix.

    Args:
        problem: What is wrong with which thing.
        remedy: What to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\nWhat to do: {remedy}")
        self.problem = problem
        self.remedy = remedy


class Cancelled(Exception):
    """The user has cancelled; nothing is left behind."""


def told_problem(told: Mapping[str, Any]) -> Problem:
    """Return the problem that the command or a server has told.

    Args:
        told: ``problem`` (or ``detail``, or ``title``), ``remedy`` and ``code``, where known.
    """
    problem = told.get("problem") or told.get("detail") or told.get("title") or "unknown fault"
    remedy = told.get("remedy") or "see the log"
    phrase = PHRASES.get(str(told.get("code")))
    return Problem(str(problem), f"{remedy} ({phrase})" if phrase else str(remedy))
