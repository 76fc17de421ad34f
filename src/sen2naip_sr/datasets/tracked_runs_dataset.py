"""The catalog's dataset for tracked runs."""

from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from sen2naip_sr.evaluation.runs.tracked import TrackedRun, TrackedRuns

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class TrackedRunsDataset(AbstractDataset[NoReturn, TrackedRuns]):
    """Loads all runs that MLflow tracks for this project. Scores are read on demand.

    Example:
        .. code-block:: yaml

            tracked_runs:
              type: sen2naip_sr.datasets.TrackedRunsDataset
              artifact: scores/scores.parquet

    Args:
        artifact: Path of a Parquet file with the scores, among a run's artifacts.
        metadata: Anything, for plugins.
    """

    def __init__(self, *, artifact: str, metadata: dict[str, Any] | None = None) -> None:
        self._artifact = artifact
        self.metadata = metadata

    def load(self) -> TrackedRuns:
        """List the runs of all experiments, except the active run."""
        import mlflow

        client = mlflow.MlflowClient()
        active = mlflow.active_run()
        own = active.info.run_id if active else None
        runs = [_describe_run(run) for run in _all_runs(client) if run.info.run_id != own]
        # download a run once, however many of its methods are compared
        read = cache(self._read_scores)
        return TrackedRuns(runs, lambda run: read(run.run_id))

    def save(self, data: NoReturn) -> None:
        """Refuse: runs are tracked by MLflow, while pipelines run."""
        raise DatasetError("tracked runs are only read")

    def _read_scores(self, run_id: str) -> pd.DataFrame | None:
        import mlflow

        folder = self._artifact.rpartition("/")[0]
        listed = mlflow.MlflowClient().list_artifacts(run_id, folder or None)
        if self._artifact not in [item.path for item in listed]:
            return None
        with TemporaryDirectory() as target:
            path = mlflow.artifacts.download_artifacts(
                run_id=run_id, artifact_path=self._artifact, dst_path=target
            )
            return pd.read_parquet(path)

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"artifact": self._artifact}


def _all_runs(client: "MlflowClient") -> list["Run"]:
    experiments = [found.experiment_id for found in client.search_experiments()]
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(experiments, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _describe_run(run: "Run") -> TrackedRun:
    return TrackedRun(
        run_id=run.info.run_id,
        name=run.info.run_name or run.info.run_id,
        started=run.info.start_time or 0,
        finished=run.info.status == "FINISHED",
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
    )
