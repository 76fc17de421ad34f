"""The losses of a training, by name."""

from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sen2naip_sr.parameters import Parameters, describe_unknown

LOSSES = tuple(
    sorted(module.name for module in iter_modules([str(Path(__file__).parents[1] / "losses")]))
)
"""The names of the losses in `sen2naip_sr.training.losses`. Listing them imports none of them."""
ADVERSARIAL = "adversarial"
"""The loss that comes from a discriminator, see `sen2naip_sr.training.objective.adversarial`."""


def _known_loss(name: str) -> str:
    known = [*LOSSES, ADVERSARIAL]
    if name not in known:
        raise ValueError(describe_unknown("loss", name, known))
    return name


LossName = Annotated[str, AfterValidator(_known_loss)]
BalanceName = Literal["fixed", "uncertainty", "gradient_norm"]
LayerName = Literal["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
"""The last ReLU of each of VGG16's five blocks."""

Band = Annotated[int, Field(ge=0)]
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
