"""The parameters of optional metrics. Imports no torch."""

from typing import Annotated

from pydantic import Field

from sen2naip_sr.metrics.catalogue import OPTIONAL
from sen2naip_sr.parameters import Parameters, known_as


class FeatureParameters(Parameters):
    """Published weights of a network that a metric takes features from."""

    weights: str | None = None
    """Path of the file, or its address (https). Null: there are none."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-fA-F]{64}$")
    """SHA-256 of the file; an address needs it."""


class PerceptualMetricsParameters(Parameters):
    """Which optional metrics are computed, and the weights that they need."""

    metrics: list[Annotated[str, known_as("optional metric", OPTIONAL)]] = Field(
        default_factory=list
    )
    """Keys of optional metrics of the catalogue."""
    alexnet: FeatureParameters = FeatureParameters()
    """AlexNet's, in torchvision's format, for LPIPS."""
    vgg16: FeatureParameters = FeatureParameters()
    """VGG16's, in torchvision's format, for the distance of its features."""
    inception: FeatureParameters = FeatureParameters()
    """Inception v3's as torch-fidelity publishes them, for FID, KID and IS."""
