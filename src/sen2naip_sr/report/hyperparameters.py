"""Hyperparameters with what they mean: the texts below the fields of the parameter models."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from sen2naip_sr.models.networks import architecture_parameters
from sen2naip_sr.report.sources import Network
from sen2naip_sr.training.parameters import TrainingParameters

REASONS = Path(__file__).with_name("reasons.yml")
"""Why values were chosen, where a study of the project says so."""
ENGINEERING = {"accelerator", "checkpoint_every", "compile", "log_every", "precision"}
"""Parameters that change no result, or hardly."""


@cache
def documented(model: type[BaseModel]) -> dict[str, str]:
    """Return the documentation of a model's fields: the text below each in the source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(tree, ast.ClassDef)
    texts = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            texts[field.target.id] = " ".join(str(below.value.value).split())
    return texts


def rows_of(network: Network, importance: Mapping[str, float]) -> list[dict[str, str]]:
    """Return the hyperparameters of a network: name, value, and why.

    Args:
        network: The network.
        importance: Of the last search, the share of the variance that each explains.
    """
    known = network.weights.metadata
    reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    architecture = architecture_parameters(known.architecture)
    found = list(_rows("architecture", architecture, known.architecture_parameters))
    found += list(_rows("training", TrainingParameters, known.training))
    for row in found:
        studied = reasons.get(row["name"])
        if share := importance.get(row["name"]):
            row["why"] += f" The last search: {share:.0%} of the variance between its trials."
        if studied and studied not in row["why"]:
            row["why"] += f" {studied}"
    return found


def _rows(
    prefix: str, model: type[BaseModel], values: Mapping[str, Any]
) -> Iterator[dict[str, str]]:
    texts = documented(model)
    for name in sorted(set(values) - set(model.model_fields)):
        yield {
            "name": f"{prefix}.{name}",
            "value": _shown(values[name]),
            "why": "A parameter of an earlier version of the project.",
        }
    for name, field in model.model_fields.items():
        if name not in values or name in ENGINEERING or values[name] is None:
            continue
        value, inner = values[name], _model_in(field.annotation)
        default = field.get_default(call_default_factory=True)
        if inner is not None and isinstance(value, Mapping):
            plain = default.model_dump(mode="json") if isinstance(default, BaseModel) else None
            if value != plain or name in {"schedule", "optimizer"}:
                yield from _rows(f"{prefix}.{name}", inner, value)
            continue
        text = re.sub(r"``(.*?)``", r"\1", texts.get(name, ""))
        other = re.match(r"(\w+): ", text)
        if other and prefix.endswith("schedule") and other[1] != values.get("name"):
            continue  # a parameter of another schedule
        changed = "" if value == default else f" The default is {_shown(default)}."
        required = field.is_required() or default is None
        yield {
            "name": f"{prefix}.{name}",
            "value": _shown(value),
            "why": text + ("" if required else changed),
        }


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if get_origin(annotation) is Annotated:
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next((found for one in get_args(annotation) if (found := _model_in(one))), None)
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
