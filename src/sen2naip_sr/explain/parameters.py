"""The parameters of explanations. Imports no torch."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sen2naip_sr.explain.blur import Blur
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.parameters import Parameters, known_as
from sen2naip_sr.weights.names import shipped_names

REFERENCE = "bicubic"
"""The interpolation that every explanation compares with: its kernel is known."""
EXPLAINABLE = tuple(dict.fromkeys((*NETWORKS, *shipped_names())))
"""Names of networks, and of shipped weights, that can be explained."""


class AttributionParameters(Parameters):
    """How attributions are computed; the defaults are those of the paper but for the window."""

    window: int = Field(default=8, ge=2, le=64)
    """Side of the window whose detail is explained, in LR pixels."""
    steps: int = Field(default=100, ge=2)
    """Steps of the path from the blurred to the full image."""
    sigma: float = Field(default=1.2, gt=0)
    """Standard deviation of the strongest blur, in LR pixels."""
    kernel: int = Field(default=9, ge=3)
    """Side of the blur's kernel, in LR pixels; odd."""
    band_steps: int = Field(default=8, ge=2)
    """Steps of the same path for the matrix from input band to output band, of which each takes as
    long as four others."""
    check_steps: int = Field(default=20, ge=2)
    """Steps for the network with random weights, and for Captum's integrated gradients."""
    captum: bool = True
    """Compute integrated gradients, occlusion and SmoothGrad with the package captum as well."""
    seed: int = Field(default=0, ge=0)
    """Seeds the random weights and SmoothGrad's noise."""

    @property
    def blur(self) -> Blur:
        """The strongest blur of the path."""
        return Blur(self.sigma, self.kernel)

    @model_validator(mode="after")
    def _kernel_is_odd(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} is even: it has to have a middle")
        return self


class ExplainParameters(AttributionParameters):
    """Which networks are explained, on which chips, and how."""

    models: list[Annotated[str, known_as("model", EXPLAINABLE)]] = Field(
        default=["lean", "carn"], min_length=1
    )
    """Networks to explain: those trained here, or else the shipped ones. Bicubic is added, as the
    reference."""
    weights: dict[str, str] = Field(default_factory=dict)
    """Further weights to explain: the name that tables show, and the file."""
    chips: int = Field(default=3, ge=1, le=12)
    """How many test chips are explained: those with the best, the median and the worst gain of the
    first network over bicubic, and further ones evenly between them."""
    ids: list[int] | None = None
    """Numbers of the chips to explain instead. Null: chosen by their gain."""
    candidates: int = Field(default=60, ge=1)
    """Test chips that the chips are chosen from, spread evenly over all."""
    pixel_metres: float | None = Field(default=None, gt=0)
    """Pixel size of LR in metres. Null: what the chips' georeferencing says."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        taken = {*EXPLAINABLE, REFERENCE} & set(self.weights)
        if taken:
            raise ValueError(f"'{min(taken)}' is a model's own name: call the weights otherwise")
        return self
