"""The parameters of a network and its training."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sen2naip_sr.parameters import Parameters
from sen2naip_sr.training.parameters.crops import AugmentationParameters, DetailParameters
from sen2naip_sr.training.parameters.distributed import DistributedParameters
from sen2naip_sr.training.parameters.losses import (
    AdversarialParameters,
    BalanceName,
    LossName,
    PerceptualParameters,
    Share,
    Weight,
)
from sen2naip_sr.training.parameters.mixture import MixtureParameters
from sen2naip_sr.training.parameters.optimization import (
    BatchGrowthParameters,
    OptimizerParameters,
    ScheduleParameters,
)

DIVISIBLE = ("torch.optim.AdamW", "torch.optim.Adam", "torch.optim.SGD")
"""Optimisers whose moments can be divided among processes as the weights are."""


class TrainingParameters(Parameters):
    """How to train a network. The length is ``minutes`` if given, else ``steps``."""

    seed: int = Field(default=0, ge=0)
    """Seed of the crops. The caller seeds torch with it before building the model."""
    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps. Bit-reproducible on a CPU with the same number of threads."""
    minutes: float | None = Field(default=None, gt=0)
    """Wall-clock budget instead of ``steps``, including validation; the schedule follows the
    elapsed share.

    The number of steps depends on the machine and its load, so this is not bit-reproducible.
    """
    batch_size: int = Field(default=8, ge=1)
    """Crops per step, of all processes together."""
    crop_size: int = Field(default=32, ge=1)
    """Side of a crop in low-resolution pixels."""
    augmentation: AugmentationParameters = Field(default_factory=AugmentationParameters)
    """Augmentation of crops."""
    detail: DetailParameters | None = None
    """Prefer crops with detail; null: all positions are equally likely."""
    mixture: MixtureParameters | None = None
    """More imagery, pixel sizes and random sensors; null: the data's own LR and HR."""
    losses: dict[LossName, Weight] = Field(default={"l1": 1.0}, min_length=1)
    """The losses and their weights. Their weighted sum is minimised, on values in [0, 1]."""
    balance: BalanceName = "fixed"
    """How the weights of the losses adapt in the course of the training; fixed: they do not."""
    perceptual: PerceptualParameters = Field(default_factory=PerceptualParameters)
    """The loss ``vgg16``."""
    adversarial: AdversarialParameters = Field(default_factory=AdversarialParameters)
    """The discriminator of the loss ``adversarial``."""
    optimizer: OptimizerParameters = Field(default_factory=OptimizerParameters)
    """The optimiser."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The peak of the learning rate."""
    schedule: ScheduleParameters = Field(default_factory=ScheduleParameters)
    """The schedule of the learning rate."""
    batch_growth: BatchGrowthParameters = Field(default_factory=BatchGrowthParameters)
    """Growth of the batch in the course of the training."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The largest L2 norm of the gradient; longer gradients are clipped to it."""
    ema_decay: Share = 0.995
    """Decay of the exponential moving average of the weights. The averaged weights are kept."""
    validate_every: int = Field(default=200, ge=1)
    """Steps between validations."""
    validation_chips: int = Field(default=32, ge=1)
    """The largest number of validation chips to score, spread evenly over all of them."""
    keep: Literal["best", "last"] = "best"
    """The averaged weights to keep: those with the best validation PSNR, or the last, for trainings
    that trade PSNR for something else."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many validations without a better PSNR; null: never."""
    target_psnr: float | None = Field(default=None, gt=0)
    """Stop when a validation reaches this PSNR, dB; null: never."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints, from which a killed training resumes."""
    log_every: int = Field(default=20, ge=1)
    """Steps between entries of the history."""
    distributed: DistributedParameters = Field(default_factory=DistributedParameters)
    """The processes of the training."""
    compile: bool = False
    """Compile the network with torch.compile; worthwhile for long trainings on accelerators."""
    precision: Literal["auto", "32-true", "64-true", "bf16-mixed", "16-mixed"] = "auto"
    """Precision of the network; auto: bfloat16 if the device has it in hardware; 64-true: to check
    computations, slow."""
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    """Device to train on; auto: an accelerator if there is one."""

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
    def _processes_fit_the_losses(self) -> Self:
        d, adversarial = self.distributed, "adversarial" in self.losses
        if adversarial and (d.accumulation > 1 or d.averaging):
            raise ValueError(
                "a discriminator scores all crops of a step together: leave out 'accumulation' "
                "and 'averaging', or the loss 'adversarial'"
            )
        if d.averaging and self.batch_growth.largest > 1:
            raise ValueError(
                "batch_growth needs the gradients of all processes, and with 'averaging' they are "
                "not exchanged: leave out one of them"
            )
        return self

    @model_validator(mode="after")
    def _strategy_fits(self) -> Self:
        if self.distributed.strategy != "fsdp":
            return self
        reasons = {
            "a discriminator is not divided: leave out the loss 'adversarial'": "adversarial"
            in self.losses,
            "weights of losses adapt to whole gradients: set 'balance' to fixed": self.balance
            != "fixed",
            "local steps need all weights: leave out 'averaging'": self.distributed.averaging
            is not None,
            "the noise of the gradient is not measured: set batch_growth.largest to 1": (
                self.batch_growth.largest > 1
            ),
            f"optimizer.path can be {', '.join(DIVISIBLE)}": self.optimizer.path not in DIVISIBLE,
            "fused optimisers are not used: leave out 'fused'": bool(
                self.optimizer.arguments.get("fused")
            ),
            "a divided network is not compiled: set 'compile' to false": self.compile,
            "gradients are not scaled: set 'precision' to bf16-mixed or 32-true": self.precision
            == "16-mixed",
        }
        if found := [reason for reason, applies in reasons.items() if applies]:
            raise ValueError(f"with strategy fsdp, {'; '.join(found)}; or set strategy to ddp")
        return self

    def described(self) -> dict[str, Any]:
        """Return what the result of the training depends on.

        How many processes share the batches changes it by rounding alone, and is left out.
        """
        changes = self.distributed.changes()
        own = self.model_dump(exclude={"distributed"})
        return own | ({"distributed": changes} if changes else {})

    @model_validator(mode="after")
    def _mixture_makes_all_crops(self) -> Self:
        if self.mixture is None:
            return self
        if self.augmentation != AugmentationParameters() or self.detail:
            raise ValueError(
                "a mixture varies crops itself: leave out 'augmentation' and 'detail', or the "
                "'mixture'"
            )
        if self.crop_size % 8:
            raise ValueError("with a mixture, crop_size must be a multiple of 8")
        if self.mixture.sensor and "consistency" in self.losses:
            raise ValueError(
                "the loss 'consistency' knows the recipe alone: leave it out, or the mixture's "
                "'sensor'"
            )
        return self

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.steps is None and self.minutes is None:
            raise ValueError("give 'steps' or 'minutes', the length of the training")
        return self


class NetworkParameters(Parameters):
    """One network of a training pipeline or an experiment."""

    architecture: dict[str, Any] = Field(default_factory=dict)
    """The architecture's parameters; see `sen2naip_sr.models.networks`."""
    start_from: str | None = None
    """A weights file of the same architecture to start from, or ``shipped`` for the project's own
    weights; null: random weights, or, for the GAN, those of its generator. Weights to start from
    determine the size of the network; ``architecture`` is then ignored."""
    training: TrainingParameters

    def described(self) -> dict[str, Any]:
        """Return what the result depends on, in types of JSON; see `TrainingParameters`."""
        own = self.model_dump(mode="json")
        del own["training"]["distributed"]
        if changes := self.training.distributed.changes():
            own["training"]["distributed"] = changes
        return own
