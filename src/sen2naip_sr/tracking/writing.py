"""What is written to a run of MLflow, in as few requests as it allows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sen2naip_sr.metrics.catalogue import trackable

Item = TypeVar("Item")
DIGEST_LENGTH = 16
VALUE_LENGTH = 500
METRICS_AT_ONCE, PARAMS_AT_ONCE = 1000, 100
"""Largest numbers in one request to MLflow."""


def tag(run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run."""
    from mlflow import MlflowClient
    from mlflow.entities import RunTag

    MlflowClient().log_batch(run_id, tags=[RunTag(name, text) for name, text in tags.items()])


def tags_of(run_id: str) -> dict[str, str]:
    """Return the tags of a run."""
    from mlflow import MlflowClient

    return dict(MlflowClient().get_run(run_id).data.tags)


def log_metrics(
    run_id: str, metrics: Mapping[str, float], model_id: str | None = None, step: int = 0
) -> None:
    """Log metrics to a run, and to a model of it; letters that MLflow refuses become ``_``."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    found = [
        Metric(trackable(name), value, now, step, model_id=model_id, run_id=run_id)
        for name, value in metrics.items()
    ]
    for part in _parts(found, METRICS_AT_ONCE):
        MlflowClient().log_batch(run_id, metrics=part)


def log_params(run_id: str, params: Mapping[str, Any]) -> None:
    """Log parameters to a run that has none of these."""
    from mlflow import MlflowClient
    from mlflow.entities import Param

    found = [Param(name, str(value)[:VALUE_LENGTH]) for name, value in params.items()]
    for part in _parts(found, PARAMS_AT_ONCE):
        MlflowClient().log_batch(run_id, params=part)


def use_data(source: str, data_hash: str, context: str) -> None:
    """Log the data set of the active run.

    Args:
        source: Where it is from.
        data_hash: Hash of its content.
        context: What it is used for.
    """
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    made_by = CodeDatasetSource({"source": source, "data_hash": data_hash})
    dataset = MetaDataset(  # type: ignore[abstract] # `profile` is None
        made_by, name=source, digest=data_hash[:DIGEST_LENGTH]
    )
    mlflow.log_input(dataset, context=context)


def use_model(run_id: str, model_id: str) -> None:
    """Log that a run used a model."""
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModelInput

    MlflowClient().log_inputs(run_id, models=[LoggedModelInput(model_id)])


def _parts(items: Sequence[Item], length: int) -> Iterator[list[Item]]:
    for first in range(0, len(items), length):
        yield list(items[first : first + length])
