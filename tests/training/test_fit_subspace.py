"""The one training loop trains networks in subspaces too."""

import numpy as np
import pytest
import torch
from tiny_training import tiny_data, tiny_fit, tiny_model

from sen2naip_sr.experiments.running.subspace import (
    SubspaceNetwork,
    count_weights,
    subspace_learning_rate,
)
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.predict import predict

SHORT = {"steps": 6, "checkpoint_every": 2, "log_every": 1, "validate_every": 3}


class Stopped(Exception):
    pass


def stop(metrics, step):
    if step == 5:
        raise Stopped


def subspace(name="lean", dimension=300):
    return SubspaceNetwork(tiny_model(name), dimension, seed=0)


def test_gains_over_bicubic():
    rate = subspace_learning_rate(5e-3, 300, count_weights(tiny_model("lean")))
    found = tiny_fit(model=subspace(), steps=30, learning_rate=rate)
    assert found.best_psnr > found.history[0]["validation_psnr"] + 0.2


def test_what_is_kept_is_a_state_of_the_network():
    found = tiny_fit(model=subspace(), **SHORT)
    network = subspace()
    network.load_state_dict(found.state)
    data = tiny_data()
    trained, untrained = (
        predict(make_network(model, device="cpu"), data.lr[0][None], data.value_range)
        for model in (network, subspace())
    )
    assert not np.array_equal(trained, untrained)


@pytest.mark.parametrize("name", ["lean", "unet"])
def test_stopped_it_goes_on_to_the_same_weights(tmp_path, name):
    expected = tiny_fit(model=subspace(name), **SHORT)
    checkpoint = tmp_path / "c.pt"
    with pytest.raises(Stopped):
        tiny_fit(model=subspace(name), checkpoint=checkpoint, report=stop, **SHORT)
    found = tiny_fit(model=subspace(name), checkpoint=checkpoint, **SHORT)
    assert found.resumed_from == 4
    assert found.history == expected.history
    assert all(torch.equal(found.state[n], t) for n, t in expected.state.items())


def test_losses_can_be_balanced_by_the_gradients_of_the_coordinates():
    found = tiny_fit(
        model=subspace(), losses={"l1": 1.0, "mse": 1.0}, balance="gradient_norm", **SHORT
    )
    assert found.history[-1]["weight_mse"] != pytest.approx(1)
