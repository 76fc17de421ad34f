"""The check of a runner's name and parameters."""

from collections.abc import Mapping
from typing import Any

from kedro.runner import AbstractRunner
from kedro.utils import load_obj

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown

USABLE = ["SequentialRunner", "ThreadRunner"]
PARALLEL = "ParallelRunner"


def check_runner(name: str | None, parameters: Mapping[str, Any] | None = None) -> None:
    """Check that a runner exists, takes the parameters and can run this project.

    Args:
        name: One of Kedro's, or the dotted name of a class; None: Kedro's default.
        parameters: The runner's own.

    Raises:
        UserError: If it does not. The message names the nearest one.
    """
    name = name or USABLE[0]
    if name.rpartition(".")[2] == PARALLEL:
        raise UserError(
            "runner-not-usable",
            f"'{PARALLEL}' runs every step in a process of its own, but the steps of a run share "
            "networks in memory and one MLflow run",
            f"choose one of: {', '.join(USABLE)}",
        )
    try:
        _load(name)(**(parameters or {}))
    except (TypeError, ValueError) as error:
        raise UserError(
            "runner-parameters-invalid",
            f"the runner '{name}' does not take these parameters: {error}",
            "correct them, or leave them out",
        ) from error


def _load(name: str) -> type[AbstractRunner]:
    try:
        found = load_obj(name, "kedro.runner")
    except (ImportError, AttributeError, ValueError) as error:
        raise _unknown(name) from error
    if not (isinstance(found, type) and issubclass(found, AbstractRunner)):
        raise _unknown(name)
    return found


def _unknown(name: str) -> UserError:
    return UserError(
        "unknown-runner",
        describe_unknown("runner", name, [*USABLE, PARALLEL]),
        "choose one of the valid names",
    )
