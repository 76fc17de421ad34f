"""Variations as nested MLflow runs."""

from pathlib import Path
from typing import TYPE_CHECKING

from sen2naip_sr.tracking.failures import attempt
from sen2naip_sr.tracking.flattening import flattened

if TYPE_CHECKING:
    from sen2naip_sr.experiments.running.outcome import Outcome
    from sen2naip_sr.experiments.running.variation import Variation

INHERITED = ("data_hash", "data_source", "recipe", "git_commit")
"""Tags of the parent run that its variations inherit; the comparison of runs needs them."""
AT_ONCE = 1000
"""Largest number of metrics in one call of MLflow."""


def track_variation(
    experiment: str, folder: Path, variation: "Variation", outcome: "Outcome"
) -> None:
    """Log a variation as a run nested in the active one; do nothing if there is none.

    Its curves are called ``train/...``, as in the run of a training; the scores of its held-out
    chips are called ``held_out/...``. The folder is that of the experiment's trainings.
    """
    attempt(lambda: _track(experiment, folder, variation, outcome))


def _track(experiment: str, folder: Path, variation: "Variation", outcome: "Outcome") -> None:
    import mlflow

    from sen2naip_sr.chips.splits import split_hash
    from sen2naip_sr.training.mixture.sources import imagery_hash

    above = mlflow.active_run()
    if above is None:
        return
    tags = {
        "experiment": experiment,
        "variation": outcome.name,
        "model": outcome.model,
        "split_hash": split_hash(variation.splits),
        **_inherited(above.info.run_id),
    }
    if mixture := variation.parameters.training.mixture:
        tags["imagery_hash"] = imagery_hash(mixture)
    with mlflow.start_run(run_name=f"{experiment}: {outcome.name}", nested=True) as run:
        mlflow.set_tags({**tags, **outcome.tags})
        mlflow.log_params(flattened(variation.parameters.model_dump(mode="json")))
        if outcome.error:
            mlflow.set_tag("error", outcome.error[:500])
            mlflow.end_run("FAILED")
            return
        mlflow.log_metric("usage/wall_seconds", outcome.seconds)
        _log_curves(run.info.run_id, folder / outcome.name / "history.csv")
        if outcome.psnr is not None:  # a trial that was pruned is not scored
            _log_scores(folder / outcome.name / "scores.parquet")
            mlflow.log_metrics(
                {
                    "usage/parameters": outcome.parameters,
                    "usage/multiply_adds": outcome.multiply_adds,
                }
            )
        for name in ("history.csv", "outcome.json"):
            mlflow.log_artifact(str(folder / outcome.name / name), "history")


def _inherited(run_id: str) -> dict[str, str]:
    from mlflow import MlflowClient

    tags = MlflowClient().get_run(run_id).data.tags
    return {name: tags[name] for name in INHERITED if name in tags}


def _log_curves(run_id: str, history: Path) -> None:
    import time

    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    table = pd.read_csv(history)
    now = int(1000 * time.time())
    metrics = [
        Metric(f"train/{name}", float(value), now, int(step))
        for name in table.columns.drop("step")
        for step, value in table[["step", name]].dropna().itertuples(index=False)
    ]
    for first in range(0, len(metrics), AT_ONCE):
        MlflowClient().log_batch(run_id, metrics[first : first + AT_ONCE])


def _log_scores(file: Path) -> None:
    import mlflow
    import pandas as pd

    from sen2naip_sr.evaluation.columns import ALL_BANDS
    from sen2naip_sr.metrics.catalogue import TRACKED

    scores = pd.read_parquet(file)
    # scores that were kept from earlier may lack a metric that has been added since
    means = scores[scores["band"] == ALL_BANDS].reindex(columns=list(TRACKED)).mean().dropna()
    mlflow.log_metrics({f"held_out/{name}": value for name, value in means.items()})
    mlflow.log_artifact(str(file), "scores")
