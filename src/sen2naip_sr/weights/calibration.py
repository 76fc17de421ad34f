"""Calibrations of weights: made on the validation chips, kept beside the weights file."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.uncertainty import Calibration, calibrate
from sen2naip_sr.progress import track
from sen2naip_sr.weights.files import Weights

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.9
"""Share of the truth's pixels that intervals are to cover."""


def calibration_path(weights: Path) -> Path:
    """Return where the calibration of a weights file lies."""
    return weights.with_suffix(".calibration.json")


def load_calibration(weights: Weights) -> Calibration:
    """Return the calibration beside a weights file.

    Raises:
        UserError: If it is missing, not readable, or of other weights.
    """
    path = calibration_path(Path(weights.source))
    remedy = "calibrate these weights, or leave uncertainty out"
    try:
        calibration = Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            "calibration-missing", f"{path}: there is no calibration of these weights", remedy
        ) from error
    except (OSError, ValidationError) as error:
        raise UserError(
            "calibration-damaged", f"{path}: cannot be read as a calibration ({error})", remedy
        ) from error
    if calibration.weights != weights.label:
        raise UserError(
            "calibration-differs",
            f"{path}: is the calibration of {calibration.weights}, not of {weights.label}",
            remedy,
        )
    return calibration


def calibrate_weights(
    weights: Weights, hr: Store, lr: Store, splits: "pd.DataFrame"
) -> Calibration:
    """Calibrate weights on the validation chips.

    Args:
        weights: What predicts.
        hr: HR chips, the truth.
        lr: LR chips.
        splits: Which chips are for validation.

    Raises:
        UserError: If there are too few of them, or the weights are for other bands.
    """
    chips = splits.loc[splits["split"] == VALIDATION, "chip"].to_numpy()
    network = make_network(weights.build(), bands=weights.metadata.bands)
    return calibrate(
        network,
        (hr.chips[chip] for chip in track(chips, "Calibrating", len(chips))),
        (lr.chips[chip] for chip in chips),
        tuple(hr.attributes["value_range"]),
        LEVEL,
        weights=weights.label,
    )
