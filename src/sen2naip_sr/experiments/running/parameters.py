"""Parameters of the experiments. Imports no torch, so that start-up stays quick."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.parameters import Parameters, describe_unknown, summarise
from sen2naip_sr.training.parameters import TrainingParameters


def _require_training(changes: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no training would take, before anything is run."""
    try:
        TrainingParameters.model_validate({"steps": 1, **changes})
    except ValidationError as error:
        raise ValueError(summarise(error)) from error
    return changes


TrainingChanges = Annotated[dict[str, Any], AfterValidator(_require_training)]
"""Training parameters that differ, nested as in ``parameters_*.yml``."""
VariationName = Annotated[str, Field(pattern=r"^\w[\w .-]*$")]
"""A name that folders, MLflow's parameters and figures can have."""


class ModelName(RootModel[str]):
    """The network of the experiments that are about one."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    root: str
    """A network's name, as ``carn``."""

    @field_validator("root")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in NETWORKS:
            raise ValueError(describe_unknown("model", name, list(NETWORKS)))
        return name


class ExperimentParameters(Parameters):
    """What all experiments have in common."""

    model: str | None = None
    """The network; null: the one of the parameter ``model``."""
    training: TrainingChanges = Field(default_factory=dict)
    """Training parameters that differ from the network's own, nested as in ``parameters_*.yml``."""
    workers: int = Field(1, ge=1)
    """Trainings at the same time, each in a process of its own; 1: one after the other, here."""


class CrossValidationParameters(ExperimentParameters):
    """How far the score depends on the split."""

    folds: int | None = Field(None, ge=2)
    """Groups of whole places, each held out once; null: preprocessing.splits.folds."""
    seed: int = 0
    """Draws the places of each fold, where ``folds`` is given."""


class VariationParameters(Parameters):
    """What is different in one variation of a study."""

    model: str | None = None
    """The network; null: that of the study."""
    architecture: dict[str, Any] | None = None
    """The architecture's parameters; null: those of the network's own ``parameters_*.yml``."""
    training: TrainingChanges = Field(default_factory=dict)
    """Training parameters that differ, nested as in ``parameters_*.yml``."""
    against: str | None = None
    """Another variation that the answer holds this one against; all are held against the best."""

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from a network's parameters."""
        architecture = {} if self.architecture is None else {"architecture": self.architecture}
        return {**architecture, "training": self.training}


class StudyParameters(ExperimentParameters):
    """Variations that are trained on the same chips with the same budget and compared."""

    variations: dict[VariationName, VariationParameters] = Field(min_length=2)
    """By name; a null takes one of those in conf out."""
    learning_rates: list[float] = Field(default_factory=list)
    """Each variation is trained with each of these factors on its learning rate, and its best one
    on the held-out chips stands for it; empty: with its own alone."""
    figure: Literal["cost", "losses", "bars"] = "bars"
    """cost: PSNR against parameters, multiply-adds and milliseconds; losses: what each does to
    PSNR, SSIM, SAM and sharpness; bars: PSNR alone."""

    @field_validator("variations", mode="before")
    @classmethod
    def _leave_out(cls, variations: Any) -> Any:
        if not isinstance(variations, dict):
            return variations
        return {name: value for name, value in variations.items() if value is not None}

    @model_validator(mode="after")
    def _are_held_against_others(self) -> Self:
        for name, variation in self.variations.items():
            others = self.variations.keys() - {name}
            if variation.against is not None and variation.against not in others:
                raise ValueError(
                    f"variation '{name}': against '{variation.against}', which is none of the "
                    f"others ({', '.join(sorted(others))})"
                )
        return self


class OverfitParameters(ExperimentParameters):
    """Whether a network can represent a few chips at all."""

    chips: PositiveInt | Annotated[list[NonNegativeInt], Field(min_length=1)] = 3
    """Training chips to learn by heart: their number (spread evenly), or which."""
    target_psnr: float = Field(45.0, gt=0)
    """Stop at this PSNR on these chips, dB."""
    frames: int = Field(40, ge=2)
    """Pictures in the animation at most."""
    crop: int = Field(96, ge=16)
    """Side of the part of a chip that it shows, in HR pixels."""
