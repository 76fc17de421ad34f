"""What training minimises, by name."""

from typing import Annotated, Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters

LossName = Literal[
    "l1",
    "mse",
    "charbonnier",
    "ssim",
    "ms_ssim",
    "fft",
    "sam",
    "gradient",
    "vgg16",
    "adversarial",
    "consistency",
]
BalanceName = Literal["fixed", "uncertainty", "gradient_norm"]
LayerName = Literal["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
"""The last ReLU of each of VGG16's five blocks."""

Band = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(gt=0)]


class PerceptualParameters(Parameters):
    """How the loss ``vgg16`` looks at images. The defaults are for red, green, blue, infrared."""

    weights: str | None = None
    """Path of the published ``vgg16-397923af.pth`` (or of its ``features`` alone); ``download``:
    fetch it once into torch's cache; ``random``: features that were never trained, for tests."""
    triples: list[tuple[Band, Band, Band]] = Field(default=[(0, 1, 2), (3, 0, 1)], min_length=1)
    """Bands, from 0, that VGG16 sees as its red, green and blue, one view a triple: true colour
    and false-colour infrared. The loss is the mean over the views."""
    layers: dict[LayerName, Weight] = Field(
        default={"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0}, min_length=1
    )
    """The features that are compared, and the weight of each."""
