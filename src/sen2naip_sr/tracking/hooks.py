"""Hooks around kedro-mlflow's: the database before it, and failures of the tracker during a run."""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import click
from kedro.framework.hooks import hook_impl

from sen2naip_sr.errors import UserError
from sen2naip_sr.remedies import KEDRO, phrased
from sen2naip_sr.tracking.failures import explained, kept

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

SQLITE = "sqlite:///"


class TrackingHooks:
    """What keeps runs and their tracker from harming each other."""

    def __init__(self) -> None:
        self._run = ExitStack()

    @hook_impl(wrapper=True)
    def after_context_created(self) -> Generator[None, Any, Any]:
        """Explain a tracker that cannot be reached."""
        return (yield from _explaining())

    @hook_impl(wrapper=True)
    def before_pipeline_run(self) -> Generator[None, Any, Any]:
        """Explain a tracker that takes no new run; from here on it may fail."""
        from sen2naip_sr.tracking.killed import killed_at_exit, tag_runs

        tag_runs()
        result = yield from _explaining()
        self._run.enter_context(kept())
        self._run.enter_context(killed_at_exit())
        return result

    @hook_impl(tryfirst=True)
    def before_node_run(self, is_async: bool) -> None:
        """Refuse to load and save in threads, where MLflow knows no active run."""
        if is_async:
            raise not_asynchronous()

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, Any, Any]:
        """Say what the tracker did not take."""
        with self._run:
            return (yield)

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Generator[None, Any, Any]:
        """Say what the tracker did not take."""
        with self._run:
            return (yield)


def _explaining() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except Exception as error:
        fixable = explained(error)
        if fixable is None:
            raise
        raise click.ClickException(phrased(fixable, KEDRO)) from error


def local_database(context: "KedroContext") -> Path | None:
    """Return MLflow's database if it is a file, None if a server keeps it."""
    address = (_settings(context).get("server") or {}).get("mlflow_tracking_uri") or ""
    return Path(address.removeprefix(SQLITE)) if address.startswith(SQLITE) else None


def prepare_tracker(context: "KedroContext") -> None:
    """Create and check MLflow's database, if it is a file.

    Raises:
        OSError: If its folder is read-only or the disk is full.
        UserError: If it cannot be used.
    """
    from sen2naip_sr.tracking.database import prepare

    database = local_database(context)
    if database is None:
        return
    experiment = (_settings(context).get("tracking") or {}).get("experiment") or {}
    place = (experiment.get("create_experiment_kwargs") or {}).get("artifact_location")
    folder = local_folder(place, Path(context.project_path))
    experiments = {}
    if name := experiment.get("name"):
        experiments[name] = place if folder is None else folder.as_uri()
    prepare(database, folder, experiments)


def _settings(context: "KedroContext") -> dict[str, Any]:
    loader: Any = context.config_loader
    loader.config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
    settings: dict[str, Any] = loader["mlflow"]
    return settings


def local_folder(place: str | None, root: Path) -> Path | None:
    """Return the folder that an address of artifacts means, None if it is on another machine."""
    if place is None:
        return None
    parts = urlsplit(place)
    if parts.scheme not in ("", "file"):
        return None
    return root / unquote(parts.path) if parts.scheme else root / place


def refuse_asynchronous(options: dict[str, Any]) -> None:
    """Check the options of a command line.

    Raises:
        UserError: If datasets shall be loaded and saved in threads.
    """
    if options.get("is_async") or (options.get("runner_params") or {}).get("is_async"):
        raise not_asynchronous()


def not_asynchronous() -> UserError:
    """Return the error of a run that would load and save in threads."""
    return UserError(
        "asynchronous-run",
        "datasets cannot be loaded and saved in threads: their files would be recorded in runs of "
        "their own",
        "let the run load and save one dataset after another",
    )
