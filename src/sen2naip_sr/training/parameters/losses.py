"""The losses of a training, and the discriminator of the adversarial one."""

from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters, known_as

LOSSES = tuple(
    sorted(module.name for module in iter_modules([str(Path(__file__).parents[1] / "losses")]))
)
"""The names of the losses in `sen2naip_sr.training.losses`. Listing them imports none of them."""
ADVERSARIAL = "adversarial"
"""The loss that comes from a discriminator, see `sen2naip_sr.training.objective.adversarial`."""


LossName = Annotated[str, known_as("loss", [*LOSSES, ADVERSARIAL])]
BalanceName = Literal["fixed", "uncertainty", "gradient_norm"]
LayerName = Literal["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
"""The last ReLU of each of VGG16's five blocks."""

AdversarialLossName = Literal["hinge", "relativistic", "wgan_gp"]

Band = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(gt=0)]


class PerceptualParameters(Parameters):
    """The loss ``vgg16``. The defaults are for the bands red, green, blue, near-infrared."""

    weights: str | None = None
    """Path of the published ``vgg16-397923af.pth`` (or of its ``features`` only); ``download``:
    download it once into torch's cache; ``random``: untrained features, for tests."""
    triples: list[tuple[Band, Band, Band]] = Field(default=[(0, 1, 2), (3, 0, 1)], min_length=1)
    """Bands, counted from 0, that VGG16 takes for red, green and blue. Each triple is a view; the
    defaults are true colour and false-colour infrared. The loss is the mean over the views."""
    layers: dict[LayerName, Weight] = Field(
        default={"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}, min_length=1
    )
    """The compared features, and the weight of each."""


class AdversarialParameters(Parameters):
    """The discriminator and its training, and when a training counts as collapsed."""

    discriminator: Literal["unet", "patch"] = "unet"
    """unet: a score for every pixel; patch: a score for every patch of 34 x 34 HR pixels, in a
    fraction of the time."""
    channels: int = Field(default=32, ge=1)
    """Feature maps of the discriminator's first layer."""
    loss: AdversarialLossName = "relativistic"
    """relativistic: relativistic average; hinge; wgan_gp: Wasserstein distance with a gradient
    penalty instead of spectral normalisation."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """The discriminator's own learning rate, which is constant."""
    betas: tuple[Share, Share] = (0.9, 0.99)
    """Decay of Adam's averages of the discriminator's gradient and of its square. The authors of
    wgan_gp use 0 and 0.9."""
    start_step: int = Field(default=0, ge=0)
    """The step of the generator at which the discriminator's training and the ramp start."""
    ramp_steps: int = Field(default=500, ge=0)
    """Steps over which the weight of the adversarial term rises linearly from 0 to its full
    value; 0: the full weight from the start."""
    gradient_penalty: float = Field(default=10.0, ge=0)
    """Weight of the gradient penalty of wgan_gp; the other losses have none."""
    discriminator_steps: int = Field(default=1, ge=1)
    """Updates of the discriminator after each step of the generator, on the same batch."""
    collapse_patience: int | None = Field(default=500, ge=1)
    """Stop if the discriminator separates more than 99 % of real from fake, on average over this
    many steps at the full adversarial weight; null: never. Does not apply to wgan_gp, whose critic
    still teaches the generator when it separates them perfectly."""
    collapse_drop_db: float = Field(default=3.0, gt=0)
    """Stop if the validation PSNR falls this far below that of the initial generator, dB."""
