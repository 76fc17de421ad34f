"""Nodes of training.

Heavy imports are inside the functions, because listing pipelines needs none of them.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store
from sen2naip_sr.training.parameters import NetworkParameters

if TYPE_CHECKING:
    from pandas import DataFrame

    from sen2naip_sr.weights.files import Weights
else:  # Kedro evaluates the type hints of nodes, which must not import torch
    DataFrame = Weights = Any

FORCE = "--params force=true trains anew"

logger = logging.getLogger(__name__)


def train_network(  # noqa: PLR0913, PLR0917 - one per dataset
    hr: Store,
    lr: Store,
    splits: DataFrame,
    parameters: NetworkParameters,
    checkpoint: Path,
    folder: Path,
    force: bool = False,
    *,
    architecture: str,
    **generators: Weights | None,
) -> tuple[Weights, DataFrame]:
    """Train one network, unless an equal training has finished in its folder.

    See `sen2naip_sr.training.distributed.train_network`; ``force`` trains in any case.

    Returns:
        The averaged weights that were kept, and the history with one row per entry.
    """
    import pandas as pd

    from sen2naip_sr.training import network
    from sen2naip_sr.training.distributed import train_network as train

    if not force and (
        found := network.finished_training(
            hr, lr, splits, parameters, architecture, folder, generators
        )
    ):
        logger.info(
            "%s: nothing has changed, the weights of %s are kept (%s)",
            architecture,
            folder,
            FORCE,
        )
        _tag(found.weights, kept=True)
        return found.weights, found.history
    weights, result = train(
        hr,
        lr,
        splits,
        parameters,
        architecture=architecture,
        checkpoint=checkpoint,
        generators=generators,
        report=_live_report(architecture),
    )
    _tag(weights, kept=False)
    return weights, pd.DataFrame(result.history)


def _tag(weights: Weights, *, kept: bool) -> None:
    """Tag the MLflow run, if there is one, with what its weights are.

    A run that keeps weights has no curves: it did not train. The run that did has the same tag
    ``weights``.
    """
    import mlflow

    if mlflow.active_run() is None:
        return
    tags = {"training": "kept" if kept else "trained", "weights": weights.label}
    if weights.metadata.imagery_hash:
        tags["imagery_hash"] = weights.metadata.imagery_hash
    mlflow.set_tags(tags)


def _live_report(architecture: str) -> Callable[[dict[str, float], int], None]:
    """Return a report to the log and to the curves of the trackers of the run.

    They group curves by the part of the name before the slash.
    """
    from sen2naip_sr.tracking.trackers import current

    trackers = current()

    def report(metrics: dict[str, float], step: int) -> None:
        if "validation_psnr" in metrics:
            psnr = metrics["validation_psnr"]
            logger.info("%s, step %d: %.2f dB on the validation chips", architecture, step, psnr)
        trackers.scalars({f"train/{name}": v for name, v in metrics.items()}, step)

    return report
