"""The commands of kedro-mlflow, imported when they are used: they import MLflow, which is slow."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from kedro.framework.cli.utils import LazyGroup

PLUGIN = "kedro_mlflow.framework.cli.cli"
"""The module that Kedro imports before every command of a project."""


class _Deferred(ModuleType):
    """Stands in for the plugin's module until anything but its group of commands is asked for."""

    def __init__(self) -> None:
        super().__init__(PLUGIN)
        self.commands = LazyGroup(
            name="Mlflow",
            help="Kedro plugin for interactions with mlflow.",
            lazy_subcommands={"mlflow": f"{PLUGIN}.mlflow_commands"},
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {PLUGIN!r} has no attribute {name!r}")
        if sys.modules.get(PLUGIN) is self:
            del sys.modules[PLUGIN]
        return getattr(import_module(PLUGIN), name)


def defer_mlflow() -> None:
    """Let Kedro find the commands of kedro-mlflow without importing MLflow."""
    sys.modules.setdefault(PLUGIN, _Deferred())
