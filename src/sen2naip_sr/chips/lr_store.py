"""Stores of LR chips, made from a store of HR chips."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sen2naip_sr.ahead import map_ahead
from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.store import Store, fingerprint_of, read_store, write_store
from sen2naip_sr.chips.validity import valid_pixels
from sen2naip_sr.degradation import SCALE, Recipe, get_recipe, quantise
from sen2naip_sr.degradation.validity import downscaled_validity
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.raster.filling import fill_digital

CHIPS_A_BATCH = 4


@dataclass(frozen=True)
class Downscaling:
    """An LR store to be made: HR chips and the name of a recipe."""

    hr: Store
    recipe_name: str
    seed: int = 0

    @property
    def recipe(self) -> Recipe:
        """The recipe of that name."""
        return get_recipe(self.recipe_name)

    def fingerprint(self) -> str:
        """Return a hash of everything that the LR chips depend on."""
        return fingerprint_of(self.hr.manifest.content, self.recipe.id, self.seed)

    def make(self, folder: Path) -> None:
        """Make the LR store in ``folder``, unless it is up to date.

        Its chip i is the LR image of chip i of the HR store, in the same dtype. It depends only on
        that chip, the recipe, the seed and i. LR pixels that are made of an invalid HR pixel are
        invalid too, and filled from the valid ones around them.

        Raises:
            UserError: If there is no such recipe.
            OSError: If the store cannot be written; the old store stays.
        """
        fingerprint = self.fingerprint()
        if read_store(folder, fingerprint) is not None:
            return
        hr, recipe = self.hr, self.recipe
        bands, height, width = hr.manifest.shape[1:]
        dtype = np.dtype(hr.manifest.dtype)
        shape = (bands, height // SCALE, width // SCALE)

        def downscale_batch(batch: tuple[int, Array]) -> list[tuple[Array, Array | None]]:
            first, chips = batch
            small = downscale(chips, recipe, chip_seed(self.seed, first))
            return [
                _without_invalid(chip, valid_pixels(hr.validity, first + number), recipe)
                for number, chip in enumerate(small)
            ]

        with write_store(folder, fingerprint, shape, dtype) as writer, progress_bar() as bar:
            task = bar.add_task("Downscaling", total=len(hr.chips), status="")
            for batch in map_ahead(downscale_batch, _batches(hr.chips)):
                for chip, valid in batch:
                    writer.append(chip, valid)
                bar.advance(task, len(batch))
            writer.attributes = {"recipe": recipe.id, "hr_content": hr.manifest.content}


def downscale_valid(
    hr: Array, valid: Array | None, recipe: Recipe, seed: int = 0
) -> tuple[Array, Array | None]:
    """Downsample a chip (C, 2h, 2w) with invalid pixels, which are filled: see `fill_digital`.

    Args:
        hr: Digital numbers of any real dtype.
        valid: Its valid pixels, bool; None: all.
        recipe: How.
        seed: Seeds the noise.

    Returns:
        LR (C, h, w) in the same dtype, filled where it is invalid, and its valid pixels; None if
        all are.
    """
    return _without_invalid(downscale(hr[None], recipe, seed)[0], valid, recipe)


def _without_invalid(
    small: Array, valid: Array | None, recipe: Recipe
) -> tuple[Array, Array | None]:
    if valid is None:
        return small, None
    kept = downscaled_validity(valid, recipe)
    return (fill_digital(small, kept) if kept.any() else small), kept


def downscale(hr: Array, recipe: Recipe, seed: int = 0) -> Array:
    """Downsample chips (B, C, 2h, 2w) of any real dtype and round them to it: (B, C, h, w).

    ``seed`` seeds the noise of the first image; the following ones take the following integers.
    """
    # importing torch takes seconds: a store that is up to date needs none of it
    import torch

    values = torch.from_numpy(hr.astype(np.float32))
    return quantise(recipe.downscale(values, seed), hr.dtype).numpy().astype(hr.dtype)


def chip_seed(seed: int, chip: int) -> int:
    """Return the seed of one chip's noise: consecutive chips have consecutive seeds.

    torch's generator on the CPU takes 32 bits, so the first seed is a hash of ``seed``.
    """
    start = int(np.random.SeedSequence(seed % 2**64).generate_state(1)[0])
    return (start + chip) % 2**32


def _batches(chips: ShardedArray) -> Iterator[tuple[int, Array]]:
    for first in range(0, len(chips), CHIPS_A_BATCH):
        last = min(first + CHIPS_A_BATCH, len(chips))
        yield first, np.stack([chips[chip] for chip in range(first, last)])
