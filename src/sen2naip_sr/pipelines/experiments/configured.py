"""Comparisons are YAML alone: whatever parameters have variations is one."""

import re
from pathlib import Path
from typing import Any

import yaml

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names that a pipeline, datasets and files can have."""


def is_comparison(value: Any) -> bool:
    """Return whether the parameters of a top-level name are those of a comparison."""
    return isinstance(value, dict) and "variations" in value


def find_comparisons(conf: Path) -> list[str]:
    """Return the names of the comparisons that any environment's parameters below ``conf`` define.

    Kedro asks for the pipelines before it has an environment. A file that is no valid YAML is
    passed over: Kedro says so when it reads it.
    """
    names = set()
    for file in sorted(conf.glob("*/**/parameters*")):
        if file.suffix not in {".yml", ".yaml"} or "variations" not in (text := file.read_text()):
            continue
        try:
            values = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError:
            continue
        if isinstance(values, dict):
            names |= {name for name, value in values.items() if is_comparison(value)}
    return sorted(name for name in names if isinstance(name, str) and NAME.fullmatch(name))
