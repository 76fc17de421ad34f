"""Nodes of training.

Heavy imports are inside the functions, because listing pipelines needs none of them.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sen2naip_sr.chips.store import Store
from sen2naip_sr.training.parameters import NetworkParameters

if TYPE_CHECKING:
    from sen2naip_sr.weights.files import Weights
else:  # Kedro evaluates the type hints of nodes, which must not import torch
    Weights = Any

logger = logging.getLogger(__name__)


def train_network(  # noqa: PLR0913 - one per dataset
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    checkpoint: Path,
    *,
    architecture: str,
    **generators: Weights | None,
) -> tuple[Weights, pd.DataFrame]:
    """Train one network; see `sen2naip_sr.training.network.train_network`.

    Returns:
        The averaged weights that were kept, and the history with one row per entry.
    """
    from sen2naip_sr.training import network
    from sen2naip_sr.training.launch import make_fabric

    weights, result = network.train_network(
        hr,
        lr,
        splits,
        parameters,
        fabric=make_fabric(parameters.training.accelerator, parameters.training.precision),
        architecture=architecture,
        checkpoint=checkpoint,
        generators=generators,
        report=_live_report(architecture),
    )
    _tag(weights)
    return weights, pd.DataFrame(result.history)


def _tag(weights: Weights) -> None:
    """Tag the MLflow run, if there is one, with the hash of the mixture's imagery."""
    import mlflow

    if weights.metadata.imagery_hash and mlflow.active_run() is not None:
        mlflow.set_tag("imagery_hash", weights.metadata.imagery_hash)


def _live_report(architecture: str) -> Callable[[dict[str, float], int], None]:
    """Return a report to the log and, if there is an MLflow run, to its curves.

    MLflow groups curves by the part of the name before the slash.
    """
    import mlflow

    tracked = mlflow.active_run() is not None

    def report(metrics: dict[str, float], step: int) -> None:
        if "validation_psnr" in metrics:
            psnr = metrics["validation_psnr"]
            logger.info("%s, step %d: %.2f dB on the validation chips", architecture, step, psnr)
        if tracked:
            mlflow.log_metrics({f"train/{name}": v for name, v in metrics.items()}, step=step)

    return report
