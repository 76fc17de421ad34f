"""Batches of a mixture."""

import numpy as np
import pytest
import torch
from made_chips import data

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.crops.mixed import MixtureSampler
from sen2naip_sr.training.mixture.bank import Bank, Source
from sen2naip_sr.training.parameters import TrainingParameters

CPU = torch.device("cpu")


def sampler(chips=None, batch_size=6, ranks=None, seed=0, **mixture):
    parameters = TrainingParameters(
        steps=1, batch_size=batch_size, crop_size=8, seed=seed, mixture=mixture
    )
    return MixtureSampler(chips or data(), parameters, CPU, **(ranks or {}))


def source(share, value=1.0, side=64):
    bank = Bank(torch.full((1, 2, side, side), value), torch.ones(1), True)
    return Source("more", share, bank, ("more",))


def with_source(**changes):
    own = data(hr=np.zeros((4, 2, 64, 64), np.uint8))
    return type(own)(**{**vars(own), "sources": (source(**changes),)})


def same(first, second):
    return all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("lr", "hr", "conditions")
    )


def test_a_batch_is_a_function_of_seed_and_step():
    mixture = {"truth": {}, "sensor": {}, "pixel_sizes": {1: 1, 2: 1}}
    first = sampler(**mixture)
    later = first.batch(3)
    assert same(later, sampler(**mixture).batch(3))
    assert not same(later, first.batch(4))
    assert not same(later, sampler(seed=1, **mixture).batch(3))


def test_ranks_share_a_batch():
    parts = [
        sampler(sensor={}, ranks={"rank": rank, "world_size": 2}).batch(5) for rank in range(2)
    ]
    whole = sampler(sensor={}).batch(5)
    for name in ("lr", "hr", "conditions"):
        joined = torch.cat([getattr(part, name) for part in parts])
        assert torch.equal(joined, getattr(whole, name))


def test_without_sensors_lr_is_what_the_recipe_makes():
    batch = sampler().batch(0)
    expected = get_recipe("bicubic_antialiased").downscale(batch.hr * 255, None)
    assert float((batch.lr * 255 - expected.clamp(0, 255)).abs().max()) < 0.51
    crops = {crop.numpy().tobytes() for crop in batch.hr}
    assert len(crops) == 6


def test_imagery_is_drawn_by_its_shares():
    batches = [sampler(with_source(share=3), own=1).batch(step) for step in range(8)]
    bright = torch.cat([batch.hr for batch in batches]).mean((1, 2, 3)) > 0.5
    assert float(bright.float().mean()) == pytest.approx(0.75, abs=0.05)


def test_own_chips_can_be_left_out():
    made = sampler(with_source(share=1), own=0, sources={"more": {"path": "x"}})
    assert (made.batch(0).hr == 1).all()


def test_small_chips_leave_reductions_out(caplog):
    caplog.set_level("INFO")
    own = with_source(share=1, side=20)
    made = sampler(own, pixel_sizes={1: 0.5, 2: 0.5})
    assert made.batch(0).hr.shape == (6, 2, 16, 16)
    assert "too small for reductions by [2]" in caplog.text
    with pytest.raises(UserError) as caught:
        sampler(own, pixel_sizes={2: 1})
    assert caught.value.code == "mixture-too-small"


def test_larger_pixels_are_means():
    row = np.arange(64, dtype=np.uint8)
    hr = np.broadcast_to(np.repeat(row, 64).reshape(64, 64), (4, 2, 64, 64)).copy()
    values = sampler(data(hr=hr), pixel_sizes={4: 1}).batch(0).hr * 255
    steps = values.diff(dim=2).abs() + values.diff(dim=3).abs().mT
    assert set(steps.round().unique().tolist()) <= {0.0, 4.0}


def test_lr_of_another_recipe_is_refused():
    with pytest.raises(UserError) as caught:
        sampler(data("area"))
    assert caught.value.code == "mixture-recipe-differs"
