"""LR chips made from a store of HR chips, kept beside it."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from sen2naip_sr.degradation import SCALE, Recipe, get_recipe, quantise
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.raster.shards import Array
from sen2naip_sr.raster.store import Store, fingerprint_of, read_store, write_store

CHIPS_A_BATCH = 16


@dataclass(frozen=True)
class Downscaling:
    """An LR store that is yet to be made: HR chips, and a recipe by its name."""

    hr: Store
    recipe_name: str
    seed: int = 0

    @property
    def recipe(self) -> Recipe:
        """The recipe of that name."""
        return get_recipe(self.recipe_name)

    def fingerprint(self) -> str:
        """Return what changes when the LR chips would."""
        return fingerprint_of(self.hr.manifest.content, self.recipe.id, self.seed)

    def make(self, folder: Path) -> None:
        """Make the LR store in ``folder``, unless it is there and still current.

        Chip i of it is the LR image of chip i of the HR store, in the same dtype.
        """
        fingerprint = self.fingerprint()
        if read_store(folder, fingerprint) is not None:
            return
        hr = self.hr
        bands, height, width = hr.manifest.shape[1:]
        dtype = np.dtype(hr.manifest.dtype)
        shape = (bands, height // SCALE, width // SCALE)
        with write_store(folder, fingerprint, shape, dtype) as writer, progress_bar() as bar:
            task = bar.add_task("Downscaling", total=len(hr.chips), status="")
            chips = iter(hr.chips)
            while batch := list(islice(chips, CHIPS_A_BATCH)):
                for chip in downscale(np.stack(batch), self.recipe, self.seed + writer.count):
                    writer.append(chip)
                bar.advance(task, len(batch))
            writer.attributes = {"recipe": self.recipe.id, "hr_content": hr.manifest.content}


def downscale(hr: Array, recipe: Recipe, seed: int = 0) -> Array:
    """Downscale chips and round them to their own dtype.

    Args:
        hr: (B, C, 2h, 2w) of any real dtype.
        recipe: How.
        seed: Seeds what is random about the recipe.

    Returns:
        (B, C, h, w) in the dtype of ``hr``.
    """
    values = torch.from_numpy(hr.astype(np.float32))
    return quantise(recipe.downscale(values, seed), hr.dtype).numpy().astype(hr.dtype)
