"""How a network is trained: what `fit` takes."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters.adversarial import AdversarialParameters
from sen2naip_sr.training.parameters.augmentation import AugmentationParameters
from sen2naip_sr.training.parameters.batch_growth import BatchGrowthParameters
from sen2naip_sr.training.parameters.losses import (
    BalanceName,
    LossName,
    PerceptualParameters,
    Weight,
)
from sen2naip_sr.training.parameters.optimizer import OptimizerParameters
from sen2naip_sr.training.parameters.sampling import DetailParameters
from sen2naip_sr.training.parameters.schedule import ScheduleParameters

Share = Annotated[float, Field(ge=0, lt=1)]


class TrainingParameters(Parameters):
    """How a network is trained. ``steps`` says how long, or ``minutes`` where they are given."""

    seed: int = Field(default=0, ge=0)
    """Seeds the drawing of crops. The caller seeds torch with it before building the model."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps. Bit-reproducible on a CPU with the same number of threads."""
    minutes: float | None = Field(default=None, gt=0)
    """Wall-clock budget instead of ``steps``, validation included; the schedule follows the share
    that has passed.

    How many steps fit depends on the machine and its load, so this is not bit-reproducible.
    """
    batch_size: int = Field(default=8, ge=1)
    """Crops a step."""
    crop_size: int = Field(default=32, ge=1)
    """Side of a crop in low-resolution pixels."""
    augmentation: AugmentationParameters = Field(default_factory=AugmentationParameters)
    """How crops are varied."""
    detail: DetailParameters | None = None
    """Draw more crops where there is more detail; null: all positions are equally likely."""
    losses: dict[LossName, Weight] = Field(default={"l1": 1.0}, min_length=1)
    """What is minimised, on values normalised to [0, 1]: the sum of these, by name and weight."""
    balance: BalanceName = "fixed"
    """How the weights of the losses adapt while training; fixed: they do not."""
    perceptual: PerceptualParameters = Field(default_factory=PerceptualParameters)
    """How the loss ``vgg16`` looks at images."""
    adversarial: AdversarialParameters = Field(default_factory=AdversarialParameters)
    """The discriminator that the loss ``adversarial`` comes from."""
    optimizer: OptimizerParameters = Field(default_factory=OptimizerParameters)
    """What changes the weights."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The largest learning rate; `schedule` says when it is reached."""
    schedule: ScheduleParameters = Field(default_factory=ScheduleParameters)
    """How the learning rate changes in the course of the training."""
    batch_growth: BatchGrowthParameters = Field(default_factory=BatchGrowthParameters)
    """How the batch grows in the course of the training."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient is shortened to this L2 norm where it is longer."""
    ema_decay: Share = 0.995
    """Decay of the exponential moving average of the weights, which is what is kept."""
    validate_every: int = Field(default=200, ge=1)
    """Steps between validations."""
    validation_chips: int = Field(default=32, ge=1)
    """At most so many validation chips are scored, spread evenly over all of them."""
    keep: Literal["best", "last"] = "best"
    """Which averaged weights come of the training: those with the best validation PSNR, or the
    last, for trainings that give up PSNR for something else."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many validations without a better PSNR; null: never."""
    target_psnr: float | None = Field(default=None, gt=0)
    """Stop once a validation reaches this PSNR, dB; null: never."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints, from which a killed training goes on."""
    log_every: int = Field(default=20, ge=1)
    """Steps between entries of the history."""
    compile: bool = False
    """Compile the network with torch.compile; pays in long trainings on accelerators."""
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    """Arithmetic of the network; auto: bfloat16 where the device has it in hardware."""
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    """Device to train on; auto: an accelerator where there is one."""

    @model_validator(mode="before")
    @classmethod
    def _minutes_replace_steps(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("minutes") is not None:
            return values | {"steps": None}
        return values

    @model_validator(mode="after")
    def _noise_can_be_measured(self) -> Self:
        if self.batch_growth.largest > 1 and self.batch_size == 1:
            raise ValueError(
                "batch_growth follows the difference between the halves of a batch: set batch_size "
                "to 2 or more, or batch_growth.largest to 1"
            )
        return self

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise ValueError("give 'steps' or 'minutes': how long to train")
        return self
