"""Pairs of crops with recomputed LR: other pixel sizes, other recipes, CutBlur."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.validity import Validity
from sen2naip_sr.degradation import SCALE, Recipe, get_recipe, quantise
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.detail import Positions
from sen2naip_sr.training.parameters.crops import AugmentationParameters

MARGIN = 2
"""LR pixels that the border handling of any recipe affects at most."""


def some(generator: np.random.Generator, count: int, share: float) -> Array:
    """Choose about ``share`` of ``count`` at random: bool (count,). The mean share is exact."""
    chosen = int(np.floor(count * share + generator.random()))
    return generator.permutation(count) < chosen


def reduce_by_area(images: Tensor, size: int) -> Tensor:
    """Downsample square images to any smaller size by area averaging.

    Pixels at the edge of an area count by the part of them that it covers, so the mean of the
    image is kept. Where an area touches a value that is not finite, the result is NaN.

    Args:
        images: (B, C, S, S), float.
        size: n, from 1 to S.

    Returns:
        (B, C, n, n); the images themselves where n is S.
    """
    if size == images.shape[-1]:
        return images
    shares = _overlaps(images.shape[-1], size).to(images)
    means = shares @ (images @ shares.T)
    if means.isfinite().all():
        return means
    # a product spreads what is not finite over whole rows and columns
    finite = images.isfinite()
    means = shares @ (images.where(finite, 0) @ shares.T)
    touched = shares @ ((~finite).to(images) @ shares.T)
    return means.where(touched == 0, torch.nan)


def _overlaps(pixels: int, size: int) -> Tensor:
    """Return the share of each of ``pixels`` in each of ``size`` equal parts, (size, pixels)."""
    edges = torch.arange(size + 1, dtype=torch.float64) * (pixels / size)
    left = torch.arange(pixels, dtype=torch.float64)
    ends = torch.minimum(edges[1:, None], left + 1)
    starts = torch.maximum(edges[:-1, None], left)
    return (ends - starts).clamp(min=0) * (size / pixels)


class PairMaker:
    """Makes pairs whose LR is not the stored one: from reduced HR, or by other recipes.

    Both images are rounded to the data's dtype, LR after it was made of the rounded HR.

    Args:
        hr: High-resolution chips (n, C, 2h, 2w).
        recipe: What made the stored LR; None: not known.
        crop_size: Side of a crop in low-resolution pixels.
        parameters: How to vary crops.
        validity: Which pixels of ``hr`` are valid; None: all. Pairs near invalid ones stay as they
            are stored.

    Raises:
        UserError: If a recipe does not exist or is not known, or a chip has no room for a crop
            with the margin that hides what recipes do at borders.
    """

    def __init__(
        self,
        hr: ShardedArray,
        recipe: Recipe | None,
        crop_size: int,
        parameters: AugmentationParameters,
        validity: Validity | None = None,
    ) -> None:
        self._validity = validity
        self._hr, self._crop_size, self._parameters = hr, crop_size, parameters
        self._recipes, self._weights = _mixture(recipe, parameters.recipes)
        self._unlike_stored = np.array([other != recipe for other in self._recipes])
        cutblur = parameters.cutblur
        self._cutblur_recipe = get_recipe(cutblur.recipe) if cutblur else None
        self._size = SCALE * (crop_size + 2 * MARGIN)
        room = min(hr.shape[2:])
        if room < self._size:
            raise UserError(
                "crop-too-large",
                f"crops of {crop_size} x {crop_size} LR pixels whose LR is recomputed need "
                f"{self._size} x {self._size} HR pixels; chips have {hr.shape[2]} x {hr.shape[3]}",
                f"choose crops of at most {room // SCALE - 2 * MARGIN} LR pixels a side, make "
                "larger chips, or leave out other pixel sizes, CutBlur and other recipes",
            )
        wanted = parameters.pixel_sizes.largest if parameters.pixel_sizes else 1.0
        self.largest = min(wanted, room / self._size)

    @staticmethod
    def needed(recipe: Recipe | None, parameters: AugmentationParameters) -> bool:
        """Return whether any pair has to be recomputed."""
        others = set(parameters.recipes) - ({recipe.name} if recipe else set())
        return bool(parameters.pixel_sizes or parameters.cutblur or others)

    def replace(self, generator: np.random.Generator, at: Positions, lr: Array, hr: Array) -> None:
        """Replace some pairs of a batch, cut at ``at``, in place by recomputed pairs.

        A pair of reduced pixels shows more ground, the ground of the replaced pair (but for the
        margin) with it.

        Args:
            generator: Chooses pairs, factor and recipes, and seeds noise.
            at: Where the pairs were cut.
            lr: (B, C, crop_size, crop_size).
            hr: (B, C, 2 crop_size, 2 crop_size).
        """
        p, count = self._parameters, len(lr)
        reduced = some(generator, count, p.pixel_sizes.share if p.pixel_sizes else 0)
        blurred = some(generator, count, p.cutblur.share if p.cutblur else 0)
        recipes = generator.choice(len(self._recipes), count, p=self._weights)
        factor = self.largest ** generator.random()
        other = self._unlike_stored[recipes]
        for wanted, side in (
            (reduced, round(self._size * factor)),
            (~reduced & (blurred | other), self._size),
        ):
            chosen = wanted & self._whole(at, side)
            if chosen.any():
                images = self._cut(at, chosen, side)
                made = self._degrade(generator, images, recipes[chosen], blurred[chosen])
                lr[chosen] = _trimmed(made, MARGIN, lr.dtype)
                hr[chosen] = _trimmed(images, SCALE * MARGIN, hr.dtype)

    def _cut(self, at: Positions, chosen: Array, side: int) -> Tensor:
        """Cut windows of ``side`` HR pixels and reduce them to a crop with its margins."""
        top, left = self._corners(at, side)
        windows = self._hr.crops(at.chips[chosen], top[chosen], left[chosen], side)
        images = torch.from_numpy(windows.astype(np.float32))
        return quantise(reduce_by_area(images, self._size), self._hr.dtype)

    def _corners(self, at: Positions, side: int) -> tuple[Array, Array]:
        # positions keep their place between the chip's borders; even ones lie on the LR grid
        top, left = (
            SCALE * (start * (length - side) // (length - SCALE * self._crop_size))
            for start, length in zip((at.rows, at.columns), self._hr.shape[2:], strict=True)
        )
        return top, left

    def _whole(self, at: Positions, side: int) -> Array:
        """Return in which of the windows of `_cut` all pixels are valid, bool (B,)."""
        valid = None
        if self._validity is not None:
            valid = self._validity.crops(at.chips, *self._corners(at, side), side)
        if valid is None:
            return np.ones(len(at.chips), bool)
        return np.asarray(valid.all(axis=(1, 2, 3)))

    def _degrade(
        self, generator: np.random.Generator, images: Tensor, recipes: Array, blurred: Array
    ) -> Tensor:
        lr = images.new_empty(*images.shape[:2], *(length // SCALE for length in images.shape[2:]))
        for number, recipe in enumerate(self._recipes):
            chosen = torch.from_numpy(recipes == number)
            if chosen.any():
                lr[chosen] = self._downscale(generator, images[chosen], recipe)
        if blurred.any():
            assert self._parameters.cutblur is not None
            assert self._cutblur_recipe is not None
            chosen = torch.from_numpy(blurred)
            other = self._downscale(generator, images[chosen], self._cutblur_recipe)
            side = max(1, round(self._parameters.cutblur.side * self._crop_size))
            inside = torch.from_numpy(squares(generator, len(other), self._crop_size, side))
            inside = torch.nn.functional.pad(inside, (MARGIN,) * 4)
            lr[chosen] = torch.where(inside[:, None], other, lr[chosen])
        return lr

    def _downscale(self, generator: np.random.Generator, hr: Tensor, recipe: Recipe) -> Tensor:
        seed = int(generator.integers(2**32))
        return quantise(recipe.downscale(hr, seed), self._hr.dtype)


def squares(generator: np.random.Generator, count: int, size: int, side: int) -> Array:
    """Draw a random square in each image, or its complement: bool (count, size, size)."""
    top, left = generator.integers(size - side, size=(2, count, 1), endpoint=True)
    at = np.arange(size)
    in_rows, in_columns = ((at >= start) & (at < start + side) for start in (top, left))
    inside = in_rows[:, :, None] & in_columns[:, None, :]
    return inside ^ (generator.random((count, 1, 1)) < 0.5)


def _trimmed(images: Tensor, margin: int, dtype: np.dtype[Any]) -> Array:
    return images[..., margin:-margin, margin:-margin].numpy().astype(dtype)


def _mixture(stored: Recipe | None, weights: dict[str, float]) -> tuple[list[Recipe], Array]:
    """Return the recipes to draw from and their probabilities."""
    if weights:
        recipes = [get_recipe(name) for name in weights]
        return recipes, np.array(list(weights.values())) / sum(weights.values())
    if stored is None:
        raise UserError(
            "recipe-not-recorded",
            "the recipe of the LR chips is not recorded, so LR of other pixel sizes cannot be made",
            "name a downscaling recipe, or leave out other pixel sizes and CutBlur",
        )
    return [stored], np.ones(1)
