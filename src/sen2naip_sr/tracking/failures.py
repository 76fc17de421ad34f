"""A tracker that fails costs no run: what it refuses is counted, and said at the end.

A training of hours must not end because MLflow's database is locked, its disk is full or its
server is away. While a run is `kept`, what MLflow is asked to record may fail.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sen2naip_sr.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

RECORDING = (
    *("log_artifact", "log_artifacts", "log_batch", "log_inputs", "log_metric", "log_outputs"),
    *("log_param", "set_tag", "set_terminated", "update_run"),
)
"""What of MLflow's client may fail during a run; it returns nothing that a run needs."""
PAUSE = 10.0
"""A tracker that took t seconds to fail is asked again after this times t: it costs a tenth."""
OURS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")
"""Codes of MLflow's errors that tell of a wrong call, not of a tracker that fails."""


@dataclass
class Losses:
    """What a tracker did not take during a run."""

    calls: int = 0
    first: str = ""
    resume: float = 0.0

    def attempt(self, action: Callable[[], Any], *, always: bool = False) -> Any:
        """Do something that may fail, unless the tracker has just failed.

        Args:
            action: The call of MLflow.
            always: Do it although the tracker has just failed.

        Returns:
            What the call returns; None if it failed or was not made.
        """
        began = time.monotonic()
        if began < self.resume and not always:
            self.calls += 1
            return None
        try:
            return action()
        except Exception as error:
            if not is_failure(error):
                raise
            now = time.monotonic()
            self.resume = now + PAUSE * (now - began)
            self.calls += 1
            if not self.first:
                self.first = first_line(error)
                logger.warning("MLflow cannot record this run, which continues: %s", self.first)
            return None

    def report(self) -> None:
        """Say what is missing, if anything is."""
        if self.calls:
            logger.warning(
                "MLflow recorded this run in part only: %d calls failed or were left out, the "
                "first with: %s. The run's own files are complete",
                self.calls,
                self.first,
            )


_current: Losses | None = None


def attempt(action: Callable[[], Any]) -> Any:
    """Record something that takes several calls of MLflow; during a run it may fail."""
    return action() if _current is None else _current.attempt(action)


@contextmanager
def kept() -> Iterator[None]:
    """Keep a run alive when MLflow fails in this block, and say at its end what is missing."""
    global _current  # noqa: PLW0603 - as MLflow's active run, it is one of the process
    from mlflow import MlflowClient

    # its errors are reported below, without their tracebacks. Importing MLflow resets the level
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    losses, methods = Losses(), {name: getattr(MlflowClient, name) for name in RECORDING}
    for name, method in methods.items():
        setattr(MlflowClient, name, _keeping(method, losses))
    _current = losses
    try:
        yield
    finally:
        _current = None
        for name, method in methods.items():
            setattr(MlflowClient, name, method)
        losses.report()


def _keeping(method: Callable[..., Any], losses: Losses) -> Callable[..., Any]:
    name = method.__name__

    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        def action() -> Any:
            if name != "log_artifact":
                return method(*arguments, **options)
            with _whole(*arguments, **options):
                return method(*arguments, **options)

        # the end of a run is worth another attempt: else it would be listed as running
        return losses.attempt(action, always=name == "set_terminated")

    return call


@contextmanager
def _whole(
    client: "MlflowClient", run_id: str, local_path: str, artifact_path: str | None = None
) -> Iterator[None]:
    """Remove a file that MLflow has copied in part, if its copy lies on this machine."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            place = urlsplit(client.get_run(run_id).info.artifact_uri)
            copy = Path(unquote(place.path), artifact_path or "", Path(local_path).name)
            if place.scheme in ("", "file"):
                copy.unlink(missing_ok=True)
        raise


def is_failure(error: BaseException) -> bool:
    """Return whether an error tells that the tracker cannot be read or written."""
    # by name: an error of theirs is there only if they have been imported
    package = type(error).__module__.partition(".")[0]
    if package == "mlflow":
        return getattr(error, "error_code", "") not in OURS
    return isinstance(error, OSError) or package == "sqlalchemy"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, cut to a readable length."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def explained(error: BaseException | None) -> UserError | None:
    """Return what a user can do about a tracker that fails where a run needs it."""
    if error is None or isinstance(error, OSError) or not is_failure(error):
        return None
    return UserError(
        "tracker-failed",
        f"MLflow cannot be read or written: {first_line(error)}",
        "check the database or the server that the project's runs are recorded in",
    )
