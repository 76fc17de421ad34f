"""The parameters of evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.evaluation.paired.resampling import Resampling
from sen2naip_sr.evaluation.pairs.parameters import PairsParameters
from sen2naip_sr.evaluation.perceptual.parameters import PerceptualMetricsParameters
from sen2naip_sr.evaluation.place_parameters import PlaceParameters
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.parameters import Parameters, known_as

Told = Literal["recipe", "estimates"]
"""What networks with conditions are told of an image: the recipe's values, or estimates."""


class EvaluationParameters(Parameters):
    """What is scored and shown."""

    chips: int | None = Field(None, ge=1)
    """Largest number of test chips, and of files of a test set, spread evenly. Null: all."""
    shipped: bool = True
    """Score the weights that come with the project too, for networks not trained here."""
    networks: list[Annotated[str, known_as("network", NETWORKS)]] | None = None
    """Networks to score. Null: all that have weights."""
    weights: dict[str, str] = Field(default_factory=dict)
    """Further weights to score: the name that tables show, and the file, or the name of shipped
    weights, such as ``default``."""
    peers: dict[str, str] = Field(default_factory=dict)
    """Networks of other projects to score: the name that tables show, and the ``.param`` file of
    the network in ncnn's format. They need the package ncnn."""
    told: list[Told] = Field(["recipe"], min_length=1)
    """What networks with conditions are told of an image: the values of the recipe, the values
    that are estimated from the image, or one after the other."""
    test_sets: dict[str, PlaceParameters] = Field(default_factory=dict)
    """Places to score beside the test chips, by the name that tables show."""
    folder: str = "."
    """The folder that the paths of the test sets begin at."""
    recipe: Annotated[str, known_as("recipe", RECIPES)] = "bicubic_antialiased"
    """The recipe that makes the LR images of the test sets."""
    bootstrap_draws: int = Field(2000, ge=100)
    """Resamplings of the locations behind every 95 % interval."""
    bootstrap_seed: int = 0
    """Seeds the resampling."""
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """Device to predict on; auto: a CUDA device where there is one."""
    figure_chips: int = Field(4, ge=1, le=12)
    """Chips in the side-by-side figure."""
    figure_crop: int = Field(96, ge=16)
    """Side of the part of a chip that the figures show, in HR pixels."""
    gallery_chips: int = Field(4, ge=1, le=12)
    """Chips in the gallery of all networks."""
    perceptual: PerceptualMetricsParameters = PerceptualMetricsParameters()
    """Metrics that are computed only if they are asked for, on the test chips."""
    pairs: PairsParameters = PairsParameters()
    """Real pairs, scored by a pipeline of their own."""

    @property
    def resampling(self) -> Resampling:
        """How intervals and p-values are computed."""
        return Resampling(draws=self.bootstrap_draws, seed=self.bootstrap_seed)
