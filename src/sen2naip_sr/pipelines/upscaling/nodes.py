"""Nodes of upscaling and of the calibration of its intervals."""

import logging
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.remedies import KEDRO, typed_against
from sen2naip_sr.upscaling.parameters import UpscalingParameters

if TYPE_CHECKING:
    from pandas import DataFrame

    from sen2naip_sr.weights.files import Weights
else:  # Kedro evaluates the type hints of nodes, which must not import torch
    DataFrame = Weights = Any

logger = logging.getLogger(__name__)


def upscale_scenes(
    parameters: UpscalingParameters, **weights: Weights | None
) -> tuple[DataFrame, dict[str, dict[str, float]]]:
    """Upscale all scenes that the parameters name.

    Args:
        parameters: The scenes and the weights.
        **weights: Of every network: those trained here, or else the shipped ones. Other names are
            those of shipped weights.

    Returns:
        A table with one row per scene (scene, result, state, message, width, height, seconds,
        megapixels_per_second), and the metrics to track.

    Raises:
        UserError: If there are no scenes or no weights, or if all scenes failed.
    """
    import pandas as pd

    from sen2naip_sr.upscaling.batch import upscale_all

    chosen = None if parameters.weights else weights.get(parameters.model)
    outcomes = upscale_all(parameters, logger.info, chosen)
    for typed in typed_against((outcome.code for outcome in outcomes), KEDRO):
        logger.info("For the scenes that failed: %s", typed)
    table = pd.DataFrame([outcome.row() for outcome in outcomes])
    if (table["state"] == "failed").all():
        raise UserError(
            "no-scene-upscaled", "no scene could be upscaled", "see the message of each scene above"
        )
    return table, _metrics(table)


def calibrate_intervals(hr: Store, splits: DataFrame, weights: Weights | None) -> dict[str, Any]:
    """Return the calibration of weights trained here.

    Raises:
        UserError: If no weights were trained here, or there are too few validation chips.
    """
    from sen2naip_sr.release.calibrate import calibrate_weights

    if weights is None or weights.shipped:
        raise UserError(
            "no-weights-trained",
            "no weights have been trained here; the shipped weights have their calibration already",
            "train some first",
        )
    return calibrate_weights(weights, hr, splits).model_dump(mode="json")


def _metrics(table: DataFrame) -> dict[str, dict[str, float]]:
    """Return the metrics to track, as kedro-mlflow's dataset takes them."""
    done = table[table["state"] == "done"]
    figures: dict[str, float] = {
        f"scenes_{state}": (table["state"] == state).sum()
        for state in ("done", "skipped", "failed")
    }
    seconds = done["seconds"].sum()
    if seconds:
        megapixels = 1e-6 * (done["width"] * done["height"]).sum()
        figures |= {"seconds": seconds, "megapixels_per_second": megapixels / seconds}
    return {name: {"step": 0, "value": float(value)} for name, value in figures.items()}
