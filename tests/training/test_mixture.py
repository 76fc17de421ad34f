"""Trainings on a mixture, and of networks that are told conditions."""

import numpy as np
import pytest
import torch
from made_chips import data
from tiny_training import tiny_fit

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.reparametrised import Reparametrised

MIXTURE = {"truth": {}, "sensor": {"clean": 0.2}, "pixel_sizes": {1: 1, 2: 1}}


def chips():
    own = data(chips=6, size=48)
    return type(own)(**{**vars(own), "train": np.arange(4), "validation": np.arange(4, 6)})


def lean(conditions=True):
    torch.manual_seed(0)
    return build_model("lean", 2, channels=4, blocks=1, conditions=conditions)


def trained(conditions=True, **changes):
    model = lean(conditions)
    result = tiny_fit(data=chips(), model=model, steps=4, keep="last", **changes)
    return result.state


def differ(first, second, name):
    return not torch.equal(first[name], second[name])


@pytest.mark.parametrize("mixture", [None, MIXTURE])
def test_a_network_with_conditions_is_told_some(mixture):
    start, state = lean().state_dict(), trained(mixture=mixture)
    assert differ(start, state, "modulation.outer.bias")
    assert differ(start, state, "modulation.outer.weight")


def test_a_network_without_conditions_is_told_nothing():
    plain, told = trained(conditions=False, mixture=MIXTURE), trained(mixture=MIXTURE)
    assert not any(name.startswith("modulation") for name in plain)
    assert differ(plain, told, "exit.weight")


class Stop(Exception):
    pass


def test_a_killed_training_resumes_with_the_same_weights(tmp_path):
    def killed(metrics, step):
        if step == 9:
            raise Stop

    arguments = {
        "keep": "last",
        "mixture": MIXTURE,
        "checkpoint_every": 4,
        "checkpoint": tmp_path / "c.pt",
    }
    expected = tiny_fit(data=chips(), model=lean(), mixture=MIXTURE, keep="last")
    with pytest.raises(Stop):
        tiny_fit(data=chips(), model=lean(), report=killed, **arguments)
    resumed = tiny_fit(data=chips(), model=lean(), **arguments)
    assert resumed.resumed_from == 8
    for name, tensor in expected.state.items():
        assert torch.equal(resumed.state[name], tensor)


def test_a_grown_batch_and_measured_noise_work_with_conditions():
    growth = {"largest": 4, "every": 2}
    trained = tiny_fit(data=chips(), model=lean(), mixture=MIXTURE, batch_growth=growth)
    assert all(tensor.isfinite().all() for tensor in trained.state.values())


class Wrapped(Reparametrised):
    def __init__(self, model):
        super().__init__()
        self.model = model

    @property
    def described(self):
        return {}

    def folded(self, state):
        return state


def test_a_network_with_conditions_inside_of_another_is_refused():
    with pytest.raises(UserError) as caught:
        tiny_fit(data=chips(), model=Wrapped(lean()), mixture=MIXTURE)
    assert caught.value.code == "conditions-not-trained"
