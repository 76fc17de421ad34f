"""Hooks that fill a run of MLflow, from its name to its end."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl
from pydantic import BaseModel

from sen2naip_sr import provenance
from sen2naip_sr.errors import find_user_error
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.tracking import naming
from sen2naip_sr.tracking.contents import Contents
from sen2naip_sr.tracking.ending import describe_run, remove_if_empty
from sen2naip_sr.tracking.experiments import choose_experiment
from sen2naip_sr.tracking.failures import attempt
from sen2naip_sr.tracking.trackers.tracker import current

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

USUAL_ENVIRONMENT = "local"
DVC = {"DVC_EXP_NAME": "dvc_experiment", "DVC_STAGE": "dvc_stage"}
"""Variables that DVC sets for what it runs, and the tags that they become."""


class RecordingHooks:
    """What this project adds to every run that MLflow tracks.

    kedro-mlflow's own hooks start the run, log the parameters, and end the run.
    """

    def __init__(self) -> None:
        self._context: KedroContext | None = None
        self._contents = Contents("", naming.RunName(""))
        self._start = 0.0

    @hook_impl(trylast=True)
    def after_context_created(self, context: "KedroContext") -> None:
        """Keep the context: kedro-mlflow has put its configuration into it."""
        self._context = context

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: "Pipeline"
    ) -> Generator[None, Any, Any]:
        """Choose the run's name and experiment before kedro-mlflow starts it; then tag it."""
        import mlflow

        self._start = time.perf_counter()
        kind = naming.kind_of(pipeline)
        name = self._name(run_params, pipeline)
        if kind and self._config and mlflow.active_run() is None:
            choose_experiment(self._config, kind)
            self._config.tracking.run.name = self._config.tracking.run.name or str(name)
        outcome = yield
        run = mlflow.active_run()
        self._contents = Contents(kind or "", name, run.info.run_id if run else None)
        if run is not None:
            commit = provenance.git_commit(self._root) or "no checkout"
            self._contents.tag(git_commit=commit, machine=provenance.machine_name(), **_of_dvc())
        return outcome

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
        """Log what the run works with: chips, recipe, splits, weights."""
        attempt(lambda: self._contents.loaded(dataset_name, data))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Log what the run made: models and scores."""
        attempt(lambda: self._contents.saved(dataset_name, data))

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Log the cost of the run, and say where the run is."""
        self._contents.tag(device=provenance.device_name())
        seconds, memory = time.perf_counter() - self._start, provenance.peak_memory_mb()
        current().scalars({"usage/wall_seconds": seconds, "usage/peak_memory_mb": memory})
        self._say_where()

    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Remove a run that was refused before any work; say where any other failed run is."""
        if (run_id := self._contents.run_id) is None:
            return
        fixable = find_user_error(error)
        refused = fixable is not None and fixable.code != "disk-error"
        if not (refused and attempt(lambda: remove_if_empty(run_id))):
            self._say_where()

    def _name(self, run_params: dict[str, Any], pipeline: "Pipeline") -> naming.RunName:
        environment = run_params.get("env") or USUAL_ENVIRONMENT
        usual = environment == USUAL_ENVIRONMENT
        changes = naming.changes(
            pipeline,
            self._root / "conf",
            USUAL_ENVIRONMENT if usual else None,
            run_params.get("runtime_params"),
        )
        typed = run_params.get("pipeline_names") or ["__default__"]
        subject = naming.subject_of(pipeline, typed)
        return naming.RunName(subject, changes, "" if usual else environment)

    def _say_where(self) -> None:
        if (run_id := self._contents.run_id) is None or self._config is None:
            return
        if text := attempt(lambda: describe_run(run_id, self._config)):
            click.echo(text)

    @property
    def _root(self) -> Path:
        return Path(self._context.project_path) if self._context else Path.cwd()

    @property
    def _config(self) -> Any:
        """The configuration of kedro-mlflow."""
        return getattr(self._context, "mlflow", None)


def _of_dvc() -> dict[str, str]:
    """Return the experiment and the stage of DVC that the run belongs to, if it does."""
    return {tag: os.environ[name] for name, tag in DVC.items() if os.environ.get(name)}
