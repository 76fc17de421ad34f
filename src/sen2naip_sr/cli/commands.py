"""Kedro's commands, with what is typed checked before they begin."""

import os
import sys
from collections.abc import Callable
from copy import copy
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli import project
from kedro.framework.cli.jupyter import jupyter as kedro_jupyter
from kedro.framework.cli.registry import registry as kedro_registry
from kedro.framework.cli.utils import call
from kedro.framework.project import pipelines
from kedro.utils import find_kedro_project

from sen2naip_sr.cli.environments import check_environment
from sen2naip_sr.cli.options import check_pipelines
from sen2naip_sr.cli.runners import check_runner
from sen2naip_sr.errors import UserError
from sen2naip_sr.remedies import KEDRO, plain_errors


def _after(check: Callable[[dict[str, Any]], object], command: click.Command) -> click.Command:
    """Return a command that begins with a check of its options."""
    act = command.callback
    assert act is not None

    @wraps(act)
    def checked(*arguments: Any, **options: Any) -> Any:
        with plain_errors(KEDRO):
            check(options)
        return act(*arguments, **options)

    changed = copy(command)
    changed.callback = checked
    return changed


def _open_ipython(*_: Any, env: str | None, args: tuple[str, ...], **_options: Any) -> None:
    """Open the IPython of this environment: another one may come first on the path."""
    with plain_errors(KEDRO):
        require_package("IPython")
        check_environment(env, _conf())
    if env:
        os.environ["KEDRO_ENV"] = env
    call([sys.executable, "-m", "IPython", "--ext", "kedro.ipython", *args])


def require_package(name: str) -> None:
    """Check that a package is installed that this project does not need itself.

    Raises:
        UserError: If it is not.
    """
    if find_spec(name) is None:
        raise UserError(
            "package-missing", f"{name} is not installed", f"pip install {name.lower()}"
        )


def _notebooks(package: str, command: str) -> click.Command:
    def check(options: dict[str, Any]) -> None:
        require_package(package)
        check_environment(options["env"], _conf())

    return _after(check, kedro_jupyter.commands[command])


def _conf() -> Path:
    return (find_kedro_project(Path.cwd()) or Path.cwd()) / "conf"


run = _after(lambda o: check_runner(o["runner"], o["runner_params"]), project.run)

ipython = copy(project.ipython)
ipython.callback = _open_ipython

registry = copy(kedro_registry)
registry.commands = {
    **kedro_registry.commands,
    "describe": _after(
        lambda options: check_pipelines([options["name"]], list(pipelines)),
        kedro_registry.commands["describe"],
    ),
}

jupyter = copy(kedro_jupyter)
jupyter.commands = {
    **kedro_jupyter.commands,
    "lab": _notebooks("jupyterlab", "lab"),
    "notebook": _notebooks("notebook", "notebook"),
}
