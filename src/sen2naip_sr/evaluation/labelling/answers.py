"""What people said, read from an export of Label Studio."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling.interface import (
    BAD_CHIP,
    BOTH_BAD,
    FLAGS,
    IMAGERY,
    OTHERWISE,
    PREFERENCE,
    TIE,
)

COLUMNS = ("task", "person", "outcome", "flags_left", "flags_right", "bad_chip")


def read_export(file: Path) -> list[Any]:
    """Return the tasks of an export, in Label Studio's JSON or JSON-MIN.

    Raises:
        UserError: If the file is missing or is no such export.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            "label-export-unreadable",
            f"{file}: cannot be read as an export of Label Studio: {error}",
            "export the project as JSON or JSON-MIN, and give that file",
        ) from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UserError(
            "label-export-unreadable",
            f"{file}: is no list of tasks",
            "export the project as JSON or JSON-MIN, and give that file",
        )
    return found


def answers_in(export: list[Any], key: pd.DataFrame) -> pd.DataFrame:
    """Return the answers, one row each, with what their task hides.

    ``outcome`` is ``left``, ``right``, ``tie`` or ``both bad``; tasks that nobody finished are left
    out. Where somebody chose a side and a tie, the tie counts.

    Raises:
        UserError: If the tasks are of another study, or nobody has answered any.
    """
    (study,) = key["study"].unique()
    rows = []
    for entry in export:
        data = entry.get("data", entry)
        if data.get("study") != study:
            raise UserError(
                "label-export-foreign",
                f"the export has a task of the study '{data.get('study')}', this is '{study}'",
                "give the export of the project that these tasks were imported into",
            )
        for person, answer in _answers(entry):
            if outcome := _outcome(answer):
                flags = [list(answer.get(name, [])) for name in FLAGS]
                bad = BAD_CHIP in answer.get(IMAGERY, [])
                rows.append((int(data["task"]), str(person), outcome, *flags, bad))
    if not rows:
        raise UserError(
            "labels-missing", "no task of the export has an answer", "label some, and export again"
        )
    answers = pd.DataFrame(rows, columns=list(COLUMNS))
    return answers.merge(key, on="task", validate="many_to_one")


def _answers(entry: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield who answered, and the answer by the name of its control."""
    if "annotations" not in entry:  # JSON-MIN: one answer, its controls beside the data
        values = {name: _plain(entry[name]) for name in _CONTROLS if name in entry}
        yield entry.get("annotator", "unknown"), values
        return
    for annotation in entry["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        found: dict[str, Any] = {}
        for part in annotation.get("result", []):
            value = part.get("value", {})
            found[part.get("from_name")] = value.get("selected", value.get("choices"))
        person = annotation.get("completed_by", "unknown")
        yield person.get("id", person) if isinstance(person, dict) else person, found


def _plain(value: Any) -> Any:
    """Return a value of JSON-MIN as one of JSON."""
    if isinstance(value, str):
        return [value] if value not in {"left", "right"} else value
    if isinstance(value, dict):
        return value.get("choices", value.get("selected"))
    if value and isinstance(value[0], dict):
        return value[0].get("selected")
    return value


def _outcome(answer: dict[str, Any]) -> str | None:
    for choice in (BOTH_BAD, TIE):
        if choice in (answer.get(OTHERWISE) or []):
            return choice
    side = answer.get(PREFERENCE)
    return side if side in {"left", "right"} else None


_CONTROLS = (PREFERENCE, OTHERWISE, *FLAGS, IMAGERY)
