"""What comes of a network trained in a subspace is a network like any other."""

import pytest
import torch
from test_subspace import BANDS, SIZES, images, model, moved

from sen2naip_sr.experiments.running.subspace import SubspaceNetwork, in_subspace
from sen2naip_sr.models.registry import build_model


@pytest.mark.parametrize("name", SIZES)
def test_folded_weights_give_the_wrapped_networks_output(name):
    network = moved(name)
    network.train()(images())  # statistics of normalisation change
    state = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    plain = build_model(name, BANDS, **SIZES[name])
    plain.load_state_dict(network.folded(state))
    image = images()
    assert torch.equal(plain.eval()(image), network.eval()(image))


def test_folding_takes_the_given_state_and_leaves_the_network_as_it_is():
    network, other = moved(seed=0), moved(seed=0)
    with torch.no_grad():
        other.coordinates.mul_(2)
    folded = network.folded(other.state_dict())
    assert all(torch.equal(folded[n], w) for n, w in other.weights().items())
    assert not torch.equal(network.coordinates, other.coordinates)
    assert not any(tensor.requires_grad for tensor in folded.values())


def test_says_which_subspace_it_is():
    assert in_subspace(None, 3) is None
    network = in_subspace(7, 3)(model())
    assert isinstance(network, SubspaceNetwork)
    assert network.described == {"subspace": {"dimension": 7, "seed": 3}}
