"""A run in MLflow, which kedro-mlflow starts and ends."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sen2naip_sr.tracking import writing
from sen2naip_sr.tracking.trackers.parameters import MLFLOW


class InMLflow:
    """Records a run of MLflow.

    Args:
        run_id: The run.
    """

    name = MLFLOW

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record metrics; without a step they are those of step 0."""
        writing.log_metrics(self._run_id, values, step=step or 0)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters that the run does not have yet."""
        writing.log_params(self._run_id, values)

    def figure(self, name: str, file: Path) -> None:
        """Record a figure among the run's files."""
        self.artifact(file, "figures")

    def artifact(self, file: Path, folder: str) -> None:
        """Record a file."""
        from mlflow import MlflowClient

        MlflowClient().log_artifact(self._run_id, str(file), folder)

    def close(self, failed: bool = False) -> None:
        """Do nothing: what started the run ends it."""

    def where(self) -> str:
        """Return nothing: the end of a run says where it is in MLflow."""
        return ""
