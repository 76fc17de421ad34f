"""How a network is trained: what `fit` takes."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters.augmentation import AugmentationParameters
from sen2naip_sr.training.parameters.sampling import DetailParameters

LossName = Literal["l1"]
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
    loss: LossName = "l1"
    """What is minimised, on values normalised to [0, 1]."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The largest learning rate, reached after the warm-up."""
    betas: tuple[Share, Share] = (0.9, 0.99)
    """Decay of AdamW's averages of the gradient and of its square."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay."""
    warmup_steps: int = Field(default=50, ge=0)
    """Steps over which the learning rate rises linearly."""
    final_learning_rate: float = Field(default=0.01, ge=0, le=1)
    """Where the cosine ends, as a share of ``learning_rate``."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient is shortened to this L2 norm where it is longer."""
    ema_decay: Share = 0.995
    """Decay of the exponential moving average of the weights, which is what is kept."""
    validate_every: int = Field(default=200, ge=1)
    """Steps between validations."""
    validation_chips: int = Field(default=32, ge=1)
    """At most so many validation chips are scored, spread evenly over all of them."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many validations without a better PSNR; null: never."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints, from which a killed training goes on."""
    log_every: int = Field(default=20, ge=1)
    """Steps between entries of the history."""
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
    def _some_length(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise ValueError("give 'steps' or 'minutes': how long to train")
        return self
