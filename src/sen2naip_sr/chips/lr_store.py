"""Stores of LR chips, made from a store of HR chips."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sen2naip_sr.ahead import map_ahead
from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.store import Store, fingerprint_of, read_store, write_store
from sen2naip_sr.degradation import SCALE, Recipe, get_recipe, quantise
from sen2naip_sr.progress import progress_bar

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
        that chip, the recipe, the seed and i.

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

        def downscale_batch(batch: tuple[int, Array]) -> Array:
            first, chips = batch
            return downscale(chips, recipe, chip_seed(self.seed, first))

        with write_store(folder, fingerprint, shape, dtype) as writer, progress_bar() as bar:
            task = bar.add_task("Downscaling", total=len(hr.chips), status="")
            for batch in map_ahead(downscale_batch, _batches(hr.chips)):
                for chip in batch:
                    writer.append(chip)
                bar.advance(task, len(batch))
            writer.attributes = {"recipe": recipe.id, "hr_content": hr.manifest.content}


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
