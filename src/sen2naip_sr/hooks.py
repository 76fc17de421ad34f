"""Project hooks: provenance in MLflow, errors without tracebacks, summary."""

import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl
from pydantic import BaseModel

from sen2naip_sr import provenance
from sen2naip_sr.errors import UserError
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.remedies import KEDRO, phrased
from sen2naip_sr.tracking.failures import explained

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

DISK_ERRORS = {
    errno.ENOSPC: "free some space on that disk, or choose another one",
    errno.EDQUOT: "free some space in your quota",
    errno.EROFS: "choose a folder that is writable",
    errno.EACCES: "allow yourself to read and write it, or choose another folder",
    errno.EPERM: "allow yourself to read and write it, or choose another folder",
}


class ProjectHooks:
    """What this project adds to every run."""

    def __init__(self) -> None:
        self._root = Path.cwd()
        self._start = 0.0

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: "KedroContext") -> None:
        """Refuse a folder that is read-only and a database that cannot be used."""
        from sen2naip_sr.tracking.hooks import prepare_tracker

        self._root = Path(context.project_path)
        try:
            require_writable(self._root)
            prepare_tracker(context)
        except (UserError, OSError) as error:
            fixable = find_user_error(error)
            if fixable is None:
                raise
            raise click.ClickException(phrased(fixable, KEDRO)) from error

    @hook_impl(trylast=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Tag the MLflow run with the commit."""
        self._start = time.perf_counter()
        _tag(git_commit=provenance.git_commit(self._root) or "no checkout")

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: "Node", inputs: dict[str, Any]) -> None:
        """Convert typed parameters to plain ones, so that MLflow logs them one by one.

        ``inputs`` is a copy for each hook: the node still gets the typed ones. An experiment may
        vary any network, so the parameters that it uses are logged in the nested runs.
        """
        if "experiment" in node.tags:
            for network in NETWORKS:
                inputs.pop(f"params:{network}", None)
        for name, value in inputs.items():
            if isinstance(value, BaseModel) and name.startswith("params:"):
                inputs[name] = value.model_dump(mode="json")

    @hook_impl
    def after_dataset_loaded(self, dataset_name: str, data: Any) -> None:
        """Tag the MLflow run with the hashes of the data it used."""
        if dataset_name == "hr":
            _tag(data_hash=data.manifest.content, data_source=data.attributes["source"])
        elif dataset_name == "lr":
            _tag(recipe=data.attributes["recipe"])
        elif dataset_name == "splits":
            from sen2naip_sr.chips.splits import split_hash

            _tag(split_hash=split_hash(data))

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """Log the cost of the run, and print its summary."""
        import mlflow

        from sen2naip_sr.pipelines.summary import print_summary

        seconds, memory = time.perf_counter() - self._start, provenance.peak_memory_mb()
        if mlflow.active_run() is not None:
            mlflow.set_tags({"device": provenance.device_name()})
            mlflow.log_metrics({"cost/wall_seconds": seconds, "cost/peak_memory_mb": memory})

        print_summary(pipeline.all_outputs(), catalog, self._root)

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Turn errors that the user can fix into messages without a traceback."""
        fixable = find_user_error(error)
        if fixable is not None:
            raise click.ClickException(phrased(fixable, KEDRO)) from error


def require_writable(folder: Path) -> None:
    """Check that the project's folder is writable: MLflow keeps its database there.

    Raises:
        UserError: If it is not.
    """
    if not os.access(folder, os.W_OK):
        raise UserError("folder-read-only", f"{folder}: is not writable", DISK_ERRORS[errno.EROFS])


def find_user_error(error: BaseException | None) -> UserError | None:
    """Return the `UserError` among an exception and its causes; disk errors count as such."""
    while error is not None:
        if isinstance(error, UserError):
            return error
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            return UserError(
                "disk-error",
                f"{error.filename or 'a file'}: {error.strerror}",
                DISK_ERRORS[error.errno],
            )
        if (failed := explained(error)) is not None:
            return failed
        suppressed = error.__suppress_context__
        error = error.__cause__ or (None if suppressed else error.__context__)
    return None


def _tag(**tags: str) -> None:
    import mlflow

    if mlflow.active_run() is not None:
        mlflow.set_tags(tags)
