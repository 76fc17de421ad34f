"""Calibrations of weights: JSON files beside the weights file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.weights.files import Weights


class Calibration(BaseModel):
    """The factors from the local scale of a network's predictions to the half-widths of intervals.

    Attributes:
        level: Share of the true pixels that the intervals are to cover.
        quantiles: By band, half-width divided by local scale.
        value_range: Digital numbers that become 0 and 1.
        scale: Id of the local scale.
        chips: Number of chips that were scored.
        pixels: Number of pixels that were scored in each band.
        weights: Label of the calibrated weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float
    quantiles: tuple[float, ...]
    value_range: tuple[float, float]
    scale: str
    chips: int
    pixels: int
    weights: str


def calibration_path(weights: Path) -> Path:
    """Return where the calibration of a weights file lies."""
    return weights.with_suffix(".calibration.json")


def save_calibration(weights: Path, calibration: Calibration) -> None:
    """Write a calibration beside its weights file."""
    content = calibration.model_dump_json(indent=1) + "\n"
    write_atomically(calibration_path(weights), content.encode())


def load_calibration(weights: Weights) -> Calibration:
    """Return the calibration beside a weights file.

    Raises:
        UserError: If it is missing, damaged, or was made for other weights.
    """
    path = calibration_path(Path(weights.source))
    remedy = "calibrate these weights, or upscale without uncertainty"
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
