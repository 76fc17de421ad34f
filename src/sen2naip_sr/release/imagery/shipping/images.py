"""Test images: the GeoTIFFs of a place, cut into parts of about one size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.degradation import get_recipe, quantise
from sen2naip_sr.degradation.truth import reduced
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.release.imagery.pack import files_of, name_of, read_file
from sen2naip_sr.release.imagery.result import RECIPE
from sen2naip_sr.training.mixture.images import Image

SIDE = 256
"""About the side of a part, in pixels."""
MULTIPLE = 16
"""Sides are multiples of it: LR has whole blocks of JPEG."""
MOST_INVALID = 0.01
"""Parts with a larger share of invalid pixels are left out, as in ingestion."""


@dataclass(frozen=True)
class Truth:
    """A part of an image.

    Attributes:
        values: (C, h, w), digital numbers, uint8 or uint16.
        value_range: Digital numbers that become 0 and 1.
    """

    values: Array
    value_range: ValueRange

    @property
    def deep(self) -> bool:
        """Whether it has more than 8 bits."""
        return self.values.dtype != np.uint8

    def coarser(self, reduction: int) -> "Truth":
        """Return it with larger pixels, by area mean."""
        values = torch.from_numpy(self.values.astype(np.float64))[None]
        step = 2 * reduction
        height, width = (length // step * step for length in values.shape[-2:])
        smaller = reduced(values[..., :height, :width], reduction)
        return Truth(as_stored(smaller, self.values.dtype)[0], self.value_range)

    def downscaled(self) -> Array:
        """Return LR (C, h / 2, w / 2) by the recipe, without noise, in the same dtype."""
        values = torch.from_numpy(self.values.astype(np.float32))[None]
        return as_stored(get_recipe(RECIPE.name).downscale(values, None), self.values.dtype)[0]


@dataclass(frozen=True)
class TestedPlace:
    """The test images of a place.

    Attributes:
        name: Its name.
        sensor: The sensor in words.
        truths: Parts of its images.
    """

    __test__ = False  # no class of tests, whatever pytest makes of its name

    name: str
    sensor: str
    truths: tuple[Truth, ...]

    @classmethod
    def read(cls, source: Path, sensor: str, most: int | None) -> "TestedPlace":
        """Read a folder of GeoTIFFs or a GeoTIFF.

        Args:
            source: The folder or file.
            sensor: The sensor in words.
            most: Parts to keep, spread evenly. None: all.

        Raises:
            UserError: If there is no part to score.
        """
        files = files_of(source)
        # of many files, those that would not be kept are not read
        chosen = spread(np.arange(len(files)), most or len(files))
        parts = [part for k in chosen for part in parts_of(read_file(files[k]))]
        if not parts:
            raise UserError(
                "no-test-chip",
                f"{source}: no part of its images is valid and large enough",
                "give other images",
            )
        kept = spread(np.arange(len(parts)), most or len(parts))
        return cls(name_of(source), sensor, tuple(parts[k] for k in kept))


def parts_of(image: Image) -> list[Truth]:
    """Return the parts of an image that are valid nearly everywhere."""
    rows, columns = (_windows(length) for length in image.values.shape[1:])
    return [
        Truth(np.ascontiguousarray(image.values[:, row, column]), image.value_range)
        for row in rows
        for column in columns
        if image.valid is None or (~image.valid[row, column]).mean() <= MOST_INVALID
    ]


def as_stored(values: torch.Tensor, dtype: np.dtype[np.generic]) -> Array:
    """Return digital numbers (..., h, w), a float tensor, in an integer dtype."""
    stored: Array = quantise(values, dtype).numpy().astype(dtype)
    return stored


def _windows(length: int) -> list[slice]:
    count = max(1, round(length / SIDE))
    size = length // count // MULTIPLE * MULTIPLE
    return [slice(k * size, (k + 1) * size) for k in range(count)] if size else []
