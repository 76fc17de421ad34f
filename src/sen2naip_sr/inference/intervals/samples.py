"""Errors of a network, with the features of its predictions at the same pixels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE, Recipe, quantise
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals.features import NAMES, features
from sen2naip_sr.inference.values import ValueRange, normalise, restore
from sen2naip_sr.metrics.full_reference import SHAVE

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network

SMALLEST = 16
"""Images with a shorter side, in HR pixels, are not scored."""


@dataclass(frozen=True)
class Samples:
    """Pixels of results with their errors.

    Attributes:
        features: (n, features), float32, of the prediction around each pixel.
        errors: (n,), float32, absolute differences to the truth as shares of the value range.
        images: (n,), the image of each pixel.
    """

    features: Array
    errors: Array
    images: Array

    @classmethod
    def none(cls) -> "Samples":
        """Return no pixels, of an image that is too small."""
        return cls.joined(())

    @classmethod
    def joined(cls, parts: Iterable["Samples"]) -> "Samples":
        """Return all pixels of several samples; their images are counted on."""
        found = list(parts)
        numbers = [part.images + number for number, part in enumerate(found)]
        return cls(
            np.concatenate(
                [part.features for part in found] or [np.empty((0, len(NAMES)), np.float32)]
            ),
            np.concatenate([part.errors for part in found] or [np.empty(0, np.float32)]),
            np.concatenate(numbers or [np.empty(0, int)]),
        )

    def of(self, images: Array) -> "Samples":
        """Return the pixels of some images only."""
        kept = np.isin(self.images, images)
        return Samples(self.features[kept], self.errors[kept], self.images[kept])


def sample_errors(  # noqa: PLR0913 - the last two are keywords
    network: "Network",
    hr: Array,
    lr: Array,
    value_range: ValueRange,
    *,
    most: int | None = None,
    seed: int = 0,
) -> Samples:
    """Return errors of a network on an image, in its inner part.

    Args:
        network: The network.
        hr: The truth (C, 2h, 2w), digital numbers.
        lr: The LR image (C, h, w) of the same dtype. Both are cut to the network's multiple.
        value_range: Digital numbers that become 0 and 1 for the network.
        most: The largest number of pixels, chosen at random. None: all.
        seed: Seeds the choice.

    Raises:
        UserError: If the image is too small to be scored.
    """
    small, truth = _cut(lr, hr, network.multiple)
    (predicted,) = network(normalise(small, value_range)[None])
    low, high = value_range
    # the written values count, which are rounded and clipped in integer data
    written = restore(predicted, small, value_range).astype(np.float64)
    errors = (np.abs(written - truth) / (high - low)).astype(np.float32)
    inside = (slice(None), slice(SHAVE, -SHAVE), slice(SHAVE, -SHAVE))
    bands, rows, columns = (
        index.ravel() for index in np.meshgrid(*map(np.arange, errors[inside].shape), indexing="ij")
    )
    if most is not None and most < len(bands):
        chosen = np.random.default_rng(seed).choice(len(bands), most, replace=False)
        bands, rows, columns = bands[chosen], rows[chosen], columns[chosen]
    rows, columns = rows + SHAVE, columns + SHAVE
    found = features(predicted)[:, bands, rows // SCALE, columns // SCALE]
    return Samples(found.T, errors[bands, rows, columns], np.zeros(len(bands), int))


def downscaled(image: Array, recipe: Recipe) -> Array:
    """Return the LR image (C, h, w) of (C, 2h, 2w) by a recipe, in its dtype.

    A last odd row and column are left out.
    """
    _, height, width = image.shape
    whole = image[:, : height // SCALE * SCALE, : width // SCALE * SCALE]
    values = torch.from_numpy(whole.astype(np.float64))[None]
    return quantise(recipe.downscale(values, 0), image.dtype)[0].numpy().astype(image.dtype)


def _cut(small: Array, truth: Array, multiple: int) -> tuple[Array, Array]:
    """Return LR and HR without the rows and columns beyond the last whole multiple."""
    height, width = (size - size % multiple for size in small.shape[1:])
    if min(height, width) * SCALE < SMALLEST:
        raise UserError(
            "chips-too-small",
            f"a chip of {small.shape[1]} x {small.shape[2]} low-resolution pixels is too small to "
            f"be scored when {SHAVE} HR pixels are shaved at each border",
            "calibrate with larger chips",
        )
    return small[:, :height, :width], truth[:, : SCALE * height, : SCALE * width]
