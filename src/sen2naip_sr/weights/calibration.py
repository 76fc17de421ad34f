"""Calibrations of weights: JSON files beside the weights file."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.weights.files import Weights

Positive = Annotated[float, Field(gt=0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class WidthModel(_Record):
    """A network with one hidden layer and a direct path, from features to the log of a half-width.

    Attributes:
        centre: By feature, what is subtracted.
        spread: By feature, what the difference is divided by.
        hidden: (hidden, features), weights of the hidden layer.
        hidden_bias: (hidden,), its biases.
        output: (hidden,), weights of its rectified values.
        direct: (features,), weights of the features themselves.
        bias: What is added.
    """

    centre: tuple[float, ...]
    spread: tuple[Positive, ...]
    hidden: tuple[tuple[float, ...], ...]
    hidden_bias: tuple[float, ...]
    output: tuple[float, ...]
    direct: tuple[float, ...]
    bias: float

    @model_validator(mode="after")
    def _fits(self) -> Self:
        features, hidden = len(self.centre), len(self.hidden)
        by_feature = (self.spread, self.direct, *self.hidden)
        by_hidden = (self.hidden_bias, self.output)
        if any(len(values) != features for values in by_feature) or any(
            len(values) != hidden for values in by_hidden
        ):
            raise ValueError("its layers do not fit together")
        return self


class Calibration(_Record):
    """How the intervals of a network are made, and what is known of them.

    Attributes:
        level: Share of the true pixels that the intervals are to cover.
        formula: Id of the formula from features to half-widths.
        width: The half-width as far as features tell it, as a share of the value range.
        power: The exponent of the scene factor, by which it is multiplied.
        correction: By which it is multiplied, too: covers places that were left out.
        factors: The lowest and the highest scene factor of the calibration.
        bands: Image bands.
        places: The places that it was made on.
        sensors: Their sensors in words.
        reductions: So many of their pixels became one on each axis.
        images: Number of images that were scored.
        pixels: Number of pixels that were scored.
        weights: Label of the calibrated weights.
    """

    level: Annotated[float, Field(gt=0, lt=1)]
    formula: str
    width: WidthModel
    power: float
    correction: Positive
    factors: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
    bands: int
    places: tuple[str, ...]
    sensors: tuple[str, ...]
    reductions: tuple[int, ...]
    images: int
    pixels: int
    weights: str


def calibration_path(weights: Path) -> Path:
    """Return where the calibration of a weights file lies."""
    return weights.with_suffix(".calibration.json")


def save_calibration(weights: Path, calibration: Calibration) -> None:
    """Write a calibration beside its weights file."""
    write_atomically(calibration_path(weights), (calibration.model_dump_json() + "\n").encode())


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
    except ValidationError as error:
        raise UserError(
            "calibration-damaged",
            f"{path}: cannot be read as a calibration; it is damaged or another version's",
            remedy,
        ) from error
    except OSError as error:
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
