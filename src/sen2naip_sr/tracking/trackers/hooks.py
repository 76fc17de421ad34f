"""Hooks that open the trackers of a run, hand them the catalog's files, and close them."""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl

from sen2naip_sr.remedies import KEDRO, plain_errors
from sen2naip_sr.tracking import naming
from sen2naip_sr.tracking.flattening import flattened
from sen2naip_sr.tracking.trackers.opening import open_trackers, require_packages
from sen2naip_sr.tracking.trackers.parameters import MLFLOW, TrackingParameters
from sen2naip_sr.tracking.trackers.tracker import current, opened

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

FIGURES = "figures"
"""The folder of a run's files that has its figures, as the catalog says."""


class TrackerHooks:
    """Open and close the trackers of a run that are asked for, MLflow among them."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._catalog: DataCatalog | None = None
        self._run = ExitStack()
        self._open = False

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Keep the context, which knows the parameters."""
        self._context = context

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: "Pipeline", catalog: "DataCatalog"
    ) -> Generator[None, Any, Any]:
        """Let MLflow begin a run, or not; then begin the others."""
        import mlflow

        self._catalog, config = catalog, getattr(self._context, "mlflow", None)
        kind = naming.kind_of(pipeline)
        if kind is None or config is None:
            return (yield)
        names = TrackingParameters.model_validate(self._loader["parameters"].get("tracking")).root
        typed = run_params.get("pipeline_names") or ["__default__"]
        with plain_errors(KEDRO):
            require_packages(names)
        if MLFLOW not in names:
            config.tracking.disable_tracking.pipelines += typed
        mlflow.enable_system_metrics_logging()  # of this run, not of those nested in it
        try:
            outcome = yield
        finally:
            mlflow.disable_system_metrics_logging()
        run = mlflow.active_run()
        run_name = config.tracking.run.name or naming.subject_of(pipeline, typed)
        self._begin(names, run_name, kind, run.info.run_id if run else None)
        return outcome

    def _begin(self, names: list[Any], run_name: str, kind: str, mlflow_run: str | None) -> None:
        folder = Path(self._loader["globals"]["data"]) / "08_reporting"
        found = open_trackers(names, folder, run_name, kind, mlflow_run)
        self._run.enter_context(opened(found))
        self._open = True

    @hook_impl(tryfirst=True)
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Record the node's parameters, which other hooks have made plain; kedro-mlflow does so."""
        if self._open and len(others := current().beside_mlflow):
            values = {
                name.removeprefix("params:"): value
                for name, value in inputs.items()
                if name.startswith("params:")
            }
            others.parameters(flattened(values, nulls=True))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Record a file that the catalog gives to MLflow."""
        if not self._open or self._catalog is None or not len(others := current().beside_mlflow):
            return
        dataset = self._catalog.get(dataset_name)
        folder = getattr(dataset, "artifact_path", None)
        place = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
        if folder is None or place is None:
            return
        file = Path(str(place))
        if folder == FIGURES and file.suffix == ".png":
            others.figure(dataset_name, file)
        else:
            others.artifact(file, folder)

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, Any, Any]:
        """Close the trackers, and say where the run is."""
        try:
            return (yield)
        finally:
            self._end(failed=False)

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Generator[None, Any, Any]:
        """Close the trackers, and say where the run is."""
        try:
            return (yield)
        finally:
            self._end(failed=True)

    def _end(self, failed: bool) -> None:
        if not self._open:
            return
        self._open = False
        with self._run:
            for line in current().close(failed):
                click.echo(line)

    @property
    def _loader(self) -> Any:
        assert self._context is not None
        return self._context.config_loader
