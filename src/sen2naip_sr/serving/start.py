"""The beginning of a server: its packages and settings."""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sen2naip_sr.errors import UserError

NEEDED = ("fastapi", "uvicorn", "pydantic_settings", "prometheus_client", "fastapi_offline")
"""Packages of the extra ``serve`` that nothing else brings."""


def serve_until_told(
    file: Path | None,
    others: Iterable[str],
    flags: Mapping[str, Any],
    show: Callable[[str], object],
) -> None:
    """Serve with these settings; see `make_settings` and `run`, also for errors.

    Args:
        file: A TOML file with settings.
        others: Settings as NAME=VALUE.
        flags: Settings by name; None: not given.
        show: Called with lines of text.

    Raises:
        UserError: If a package is missing, or a setting is not valid.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            "serving-package-missing",
            f"serving needs the packages {', '.join(missing)}",
            "install the extra serve of this package",
        )
    from sen2naip_sr.serving.run import run
    from sen2naip_sr.serving.settings import make_settings

    named = dict(_pair(text) for text in others)
    given = {name: value for name, value in flags.items() if value is not None}
    run(make_settings(file, **named | given), show)


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise UserError("settings-invalid", f"'{text}' is not NAME=VALUE", "correct it")
    return name.strip().replace("-", "_"), value
