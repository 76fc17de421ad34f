"""Training data whose LR is what a recipe makes of HR, for the tests of what varies crops."""

import numpy as np
import torch

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import get_recipe, quantise
from sen2naip_sr.training.crops.sampler import TrainingData


def made_by(name, hr, seed=None):
    values = torch.from_numpy(hr.astype(np.float32))
    return quantise(get_recipe(name).downscale(values, seed), hr.dtype).numpy().astype(hr.dtype)


def data(recipe="bicubic_antialiased", dtype=np.uint8, chips=4, size=64, hr=None):
    """Chips of noise and what a recipe makes of them, its noise left out."""
    if hr is None:
        hr = (np.random.default_rng(0).random((chips, 2, size, size)) * 255).astype(dtype)
    lr = ShardedArray.from_array(made_by(recipe, hr))
    everything, nothing = np.arange(len(hr)), np.empty(0, int)
    return TrainingData(
        ShardedArray.from_array(hr), lr, everything, nothing, (0, 255), get_recipe(recipe)
    )
