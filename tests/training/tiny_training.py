"""A training of seconds, for the tests of the loop and for the process that they kill."""

import numpy as np
import torch

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.fit import fit
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import TrainingParameters

BANDS = 2

SIZES = {
    "lean": {"channels": 8, "blocks": 1},
    "carn": {"channels": 8, "blocks": 1, "units": 1},
    "carn_m": {"channels": 8, "groups": 2, "blocks": 1, "units": 1},
    "unet": {"widths": [4, 8], "normalisation": "batch"},
    "gan": {"generator": "lean", "generator_parameters": {"channels": 8, "blocks": 1}},
}
"""A tiny size of every network; the U-Net has statistics that change while it trains."""

GAN = {
    "losses": {"l1": 1.0, "adversarial": 0.1},
    "adversarial": {"discriminator": "patch", "channels": 4, "ramp_steps": 2},
}


def tiny_data(dtype=np.uint8, chips=8, side=16, train=None):
    """Chips of noise up to half of the Nyquist frequency, their area means, a split into 6 and 2.

    The means blur what the chips hold and the interpolation blurs it again, so there is much to
    learn within a few steps.
    """
    size, train = 2 * side, train or chips - 2
    noise = np.random.default_rng(0).normal(size=(chips, BANDS, size, size))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size))
    smooth = np.fft.ifft2(np.fft.fft2(noise) * (frequency < 0.25)).real
    hr = (128 + 50 * smooth / smooth.std()).clip(0, 255).round().astype(dtype)
    lr = hr.reshape(chips, BANDS, side, 2, side, 2).mean(axis=(3, 5)).round().astype(dtype)
    return TrainingData(
        hr=ShardedArray.from_array(hr),
        lr=ShardedArray.from_array(lr),
        train=np.arange(train),
        validation=np.arange(train, chips),
        value_range=(0, 255),
        recipe=get_recipe("area"),
    )


def tiny_parameters(**changes):
    return TrainingParameters(
        **{
            "steps": 12,
            "batch_size": 4,
            "crop_size": 8,
            "learning_rate": 5e-3,
            "schedule": {"warmup_steps": 3},
            "ema_decay": 0.9,
            "validate_every": 4,
            "checkpoint_every": 5,
            "log_every": 3,
            "precision": "32-true",
            "accelerator": "cpu",
        }
        | changes
    )


def tiny_model(name="carn", **changes):
    torch.manual_seed(0)
    return build_model(name, BANDS, **SIZES[name] | changes)


def tiny_fabric(parameters):
    return make_fabric(parameters.accelerator, parameters.precision)


def tiny_fit(  # noqa: PLR0917
    data=None, checkpoint=None, report=None, fingerprint=None, model=None, fabric=None, **changes
):
    parameters = tiny_parameters(**changes)
    return fit(
        model or tiny_model(),
        data or tiny_data(),
        parameters,
        fabric or tiny_fabric(parameters),
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        report=report,
    )
