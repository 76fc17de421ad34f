"""What a run is called, and the experiment that it belongs to: by what it does and what changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sen2naip_sr.tracking.flattening import flattened

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline

KINDS = {
    "experiment": "experiments",
    "training": "training",
    "comparison": "comparison",
    "evaluation": "evaluation",
    "explanation": "explanation",
    "labelling": "labelling",
    "report": "report",
    "calibration": "calibration",
    "upscaling": "upscaling",
}
"""The last part of the experiment's name, by a tag of nodes; the first that any node has counts."""
NAME_LENGTH = 80
VALUE_LENGTH = 24
SHORT = {"learning_rate": "lr"}
"""Names that practitioners abbreviate."""
NOT_NAMED = {"comparison": {"runs"}, "training": {"evaluation"}}
"""Parameters that names leave out, by the kind of run: they say nothing of what it makes."""


def kind_of(pipeline: "Pipeline") -> str | None:
    """Return the kind of a run: a value of `KINDS`; None if it only prepares data."""
    tags = {tag for node in pipeline.nodes for tag in node.tags}
    return next((kind for tag, kind in KINDS.items() if tag in tags), None)


def subject_of(pipeline: "Pipeline", typed: Sequence[str]) -> str:
    """Return what a run is about, whatever the order in which pipelines were typed.

    Args:
        pipeline: What runs.
        typed: The names of its pipelines.

    Returns:
        The trained networks, the experiment, or else the names of the pipelines.
    """
    for tag in ("experiment", "training"):
        about = {name for node in pipeline.nodes if tag in node.tags for name in node.tags - {tag}}
        if about:
            return "+".join(sorted(about))
    return "+".join(sorted(typed))


@dataclass(frozen=True)
class RunName:
    """What a run is called, such as ``carn lr=0.002 (naip)``.

    Attributes:
        subject: From `subject_of`.
        changes: From `changes`.
        environment: The environment of the configuration; "": the usual one.
    """

    subject: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    environment: str = ""

    def __str__(self) -> str:
        parts = [f"{short}={_shown(value)}" for short, value in _short(self.changes).items()]
        text, left_out = self._joined(parts), 0
        while parts and len(text) > NAME_LENGTH:
            parts.pop()
            left_out += 1
            text = self._joined([*parts, f"+{left_out}"])
        return text

    def of(self, model: str) -> "RunName":
        """Return the name of a run that works with a model, as the model's run is called."""
        model = model.removesuffix(self._where)
        return replace(self, subject=f"{self.subject} {model}")

    @property
    def _where(self) -> str:
        return f" ({self.environment})" if self.environment else ""

    def _joined(self, parts: list[str]) -> str:
        return " ".join([self.subject, *parts]) + self._where


def changes(
    pipeline: "Pipeline", conf: Path, environment: str | None, typed: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the parameters of a run's pipeline that were changed, by their path.

    Args:
        pipeline: What runs. Parameters that it does not read are left out.
        conf: The folder of the configuration.
        environment: The environment whose files count as changes; None: none does.
        typed: The parameters of the command line, nested. They override the files.
    """
    read = {
        name.removeprefix("params:") for name in pipeline.inputs() if name.startswith("params:")
    }
    values = _own_values(conf / environment) if environment else {}
    found = flattened(values, nulls=True) | flattened(typed or {}, nulls=True)
    named = read - NOT_NAMED.get(kind_of(pipeline) or "", set())
    return {path: value for path, value in found.items() if path.partition(".")[0] in named}


def _own_values(folder: Path) -> dict[str, Any]:
    """Return the parameters of an environment's files; what is no YAML is passed over."""
    values: dict[str, Any] = {}
    for file in sorted(folder.glob("**/parameters*")):
        if file.suffix not in {".yml", ".yaml"}:
            continue
        try:
            found = yaml.safe_load(file.read_text())
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(found, dict):
            values |= {str(name): value for name, value in found.items()}
    return values


def _short(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes by the last part of their path, or by all parts where that is ambiguous."""
    last = [path.rpartition(".")[2] for path in changes]
    return {
        SHORT.get(name, name) if last.count(name) == 1 else path: value
        for (path, value), name in zip(changes.items(), last, strict=True)
    }


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        text = ";".join(map(_shown, value))
    else:
        text = str(value)
    if "/" in text:
        text = Path(text).name or text
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 3] + "..."
