"""Nodes of training.

Heavy imports stand inside the functions: listing pipelines needs none of them.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sen2naip_sr import __version__
from sen2naip_sr.pipelines.training.parameters import NetworkParameters
from sen2naip_sr.raster.store import Store

if TYPE_CHECKING:
    from sen2naip_sr.training.fit import TrainingData
    from sen2naip_sr.training.weights import Weights, WeightsMetadata
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    Weights = Any

logger = logging.getLogger(__name__)


def train_network(  # noqa: PLR0913 - one a dataset
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    checkpoint: Path,
    *,
    architecture: str,
) -> tuple[Weights, pd.DataFrame]:
    """Train one network; go on where an interrupted training with equal inputs stopped.

    Args:
        hr: HR chips.
        lr: Their LR chips.
        splits: Which chips train and which validate.
        parameters: What to build and how to train it.
        checkpoint: Where an interrupted training left its state.
        architecture: The network's name.

    Returns:
        The best weights by validation PSNR, and the history: a row an entry.
    """
    import torch

    from sen2naip_sr.models.registry import build_model
    from sen2naip_sr.training.fit import fit
    from sen2naip_sr.training.weights import Weights

    data = _training_data(hr, lr, splits)
    described = _describe(hr, lr, splits, architecture, parameters)
    torch.manual_seed(parameters.training.seed)
    model = build_model(architecture, described.bands, **parameters.architecture)
    result = fit(
        model,
        data,
        parameters.training,
        checkpoint=checkpoint,
        fingerprint=described.model_dump(exclude={"training", "validation_psnr", "step"}),
        report=_live_report(architecture),
    )
    metadata = described.model_copy(
        update={"validation_psnr": result.best_psnr, "step": result.best_step}
    )
    return Weights(metadata, result.state, architecture), pd.DataFrame(result.history)


def _training_data(hr: Store, lr: Store, splits: pd.DataFrame) -> "TrainingData":
    from sen2naip_sr.degradation import get_recipe
    from sen2naip_sr.splits import TRAIN, VALIDATION
    from sen2naip_sr.training.fit import TrainingData

    def chips(split: str) -> Any:
        return splits.loc[splits["split"] == split, "chip"].to_numpy()

    low, high = hr.attributes["value_range"]
    recipe = get_recipe(lr.attributes["recipe"].partition("@")[0])
    return TrainingData(hr.chips, lr.chips, chips(TRAIN), chips(VALIDATION), (low, high), recipe)


def _describe(
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    architecture: str,
    parameters: NetworkParameters,
) -> "WeightsMetadata":
    """Return what the weights will depend on; PSNR and step are filled in after the training."""
    from sen2naip_sr.splits import TRAIN, split_hash
    from sen2naip_sr.training.weights import WeightsMetadata

    return WeightsMetadata(
        architecture=architecture,
        architecture_parameters=parameters.architecture,
        bands=hr.manifest.shape[1],
        recipe=lr.attributes["recipe"],
        value_range=tuple(hr.attributes["value_range"]),
        dtype=hr.manifest.dtype,
        data_hash=hr.manifest.content,
        split_hash=split_hash(splits),
        train_places=sorted(splits.loc[splits["split"] == TRAIN, "place"].unique()),
        validation_psnr=float("nan"),
        step=0,
        training=parameters.training.model_dump(),
        version=__version__,
        synthetic=hr.attributes["synthetic"],
    )


def _live_report(architecture: str) -> Callable[[dict[str, float], int], None]:
    """Return what says how the training goes: in the log, and as curves if there is an MLflow run.

    MLflow's page groups curves by what stands before the slash.
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
