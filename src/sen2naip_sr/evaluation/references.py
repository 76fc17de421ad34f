"""The best methods without a network: what a network must be ahead of.

A part of every gain over interpolation is the inversion of a downscaling that is known. It needs no
network: a linear filter fitted on the training chips, or the projection of an interpolation onto
the images that downscale to LR.
"""

import math

import pandas as pd
import torch
from torch import Tensor, nn

from sen2naip_sr.chips.splits import TRAIN, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import RECIPES, Recipe, get_recipe
from sen2naip_sr.evaluation.columns import LINEAR, PROJECTED
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.models.linear import LinearFilter, LinearFit, shipped_filter
from sen2naip_sr.models.registry import get_spec

FITTED_CHIPS = 256
"""Training chips, at most, that the filter is fitted on, spread evenly."""
SHIPPED_RECIPE = "bicubic_antialiased"
"""The recipe that the filter of the registry inverts."""
FITTED_PIXELS = 2**18
"""LR pixels that it is fitted on, about: with four times as many it gains 0.005 dB."""


def references(hr: Store, lr: Store, splits: pd.DataFrame) -> list[Method]:
    """Return the methods without a network that are fitted on the data or know the recipe.

    Args:
        hr: HR chips.
        lr: LR chips.
        splits: Which chips are trained on.
    """
    recipe = RECIPES[lr.attributes["recipe"].partition("@")[0]]
    return _methods(recipe, fit_linear(hr, lr, splits))


def shipped_references(bands: int, recipe: Recipe) -> list[Method]:
    """Return the same for images without training chips: with the filter of the registry.

    That filter inverts the benchmark's recipe, and is left out for another.
    """
    return _methods(recipe, shipped_filter(bands) if recipe is get_recipe(SHIPPED_RECIPE) else None)


def fit_linear(hr: Store, lr: Store, splits: pd.DataFrame) -> LinearFilter:
    """Return the linear filter of least squared error on the training chips.

    Chips with invalid pixels are left out. It takes seconds, whatever the number of chips.
    """
    training = splits.loc[splits["split"] == TRAIN, "chip"].to_numpy()
    chips = spread(lr.whole(hr.whole(training)), FITTED_CHIPS)
    bands, height, width = lr.manifest.shape[1:]
    step = max(1, math.isqrt(len(chips) * height * width // FITTED_PIXELS))
    fit = LinearFit(bands)
    for chip in chips.tolist():
        fit.add(lr.chips[chip], hr.chips[chip], step)
    return fit.solve()


def _methods(recipe: Recipe, linear: LinearFilter | None) -> list[Method]:
    projected = Projected(Interpolation("lanczos"), recipe)
    methods = [Method(PROJECTED, "Lanczos, projected onto LR", projected.eval(), trained=False)]
    if linear is not None:
        title = get_spec(LINEAR).title
        methods.append(Method(LINEAR, title, linear.eval(), trained=False))
    return methods


class Projected(nn.Module):
    """An interpolation, and the projection of its results onto the images that downscale to LR.

    Args:
        model: The interpolation.
        recipe: The recipe that made LR.
    """

    multiple = 1

    def __init__(self, model: Interpolation, recipe: Recipe) -> None:
        super().__init__()
        self.model, self._project = model, Consistency(recipe)
        self.receptive_field = model.receptive_field + self._project.halo

    def forward(self, image: Tensor) -> Tensor:
        """Upscale (B, C, h, w) to (B, C, 2h, 2w) of the same dtype, not clipped."""
        upscaled = self.model(image)
        projected = self._project(upscaled.double().cpu().numpy(), image.double().cpu().numpy())
        return torch.from_numpy(projected).to(image)
