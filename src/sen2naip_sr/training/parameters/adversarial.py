"""Parameters of adversarial training: the discriminator, its loss and when to give up."""

from typing import Annotated, Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters

AdversarialLossName = Literal["hinge", "relativistic", "wgan_gp"]
Share = Annotated[float, Field(ge=0, lt=1)]


class AdversarialParameters(Parameters):
    """How the discriminator is built and trained, and when a training counts as collapsed."""

    discriminator: Literal["unet", "patch"] = "unet"
    """unet: a score for every pixel; patch: a score for every patch of 34 x 34 HR pixels, at a
    fraction of the time."""
    channels: int = Field(default=32, ge=1)
    """Feature maps of the discriminator's first layer."""
    loss: AdversarialLossName = "relativistic"
    """relativistic: relativistic average; hinge; wgan_gp: Wasserstein distance with a gradient
    penalty in place of spectral normalisation."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """The discriminator's own learning rate; it stays constant."""
    betas: tuple[Share, Share] = (0.9, 0.99)
    """Decay of Adam's averages of the discriminator's gradient and of its square. The authors of
    wgan_gp use 0 and 0.9."""
    start_step: int = Field(default=0, ge=0)
    """The generator's step from which the discriminator is trained and the ramp begins."""
    ramp_steps: int = Field(default=500, ge=0)
    """Steps over which the weight of the adversarial term rises linearly from 0 to its full
    value; 0: full from the beginning."""
    gradient_penalty: float = Field(default=10.0, ge=0)
    """Weight of wgan_gp's gradient penalty; the other losses have none."""
    discriminator_steps: int = Field(default=1, ge=1)
    """Updates of the discriminator after each step of the generator, all on the same batch."""
    collapse_patience: int | None = Field(default=500, ge=1)
    """Stop when the discriminator told more than 99 % of real from fake, on average over so many
    steps at the full adversarial weight; null: never. Does not apply to wgan_gp, whose critic
    still teaches the generator when it separates them perfectly."""
    collapse_drop_db: float = Field(default=3.0, gt=0)
    """Stop when the validation PSNR falls this far below that of the generator which the
    adversarial training began with, dB."""
