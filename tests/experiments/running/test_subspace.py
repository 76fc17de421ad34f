import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.subspace import (
    SubspaceNetwork,
    count_weights,
    subspace_learning_rate,
)
from sen2naip_sr.models.interpolation import upscale_bicubic
from sen2naip_sr.models.registry import build_model

BANDS = 2
SIZES = {
    "lean": {"channels": 4, "blocks": 1},
    "carn": {"channels": 4, "blocks": 1, "units": 1},
    "unet": {"widths": [2, 4], "normalisation": "batch"},
    "gan": {"generator": "lean", "generator_parameters": {"channels": 4, "blocks": 1}},
}


def model(name="lean"):
    torch.manual_seed(0)
    return build_model(name, BANDS, **SIZES[name])


def moved(name="lean", dimension=9, seed=0):
    network = SubspaceNetwork(model(name), dimension, seed)
    with torch.no_grad():
        network.coordinates.copy_(torch.randn(dimension))
    return network


def images(count=2, side=6, **options):
    return torch.rand(count, BANDS, side, side, **options)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("training", [True, False])
def test_starts_as_the_network_that_it_is_made_of(name, training):
    whole = model(name).train(training)
    network = SubspaceNetwork(whole, 5, seed=0).train(training)
    image = images()
    assert torch.equal(network(image), upscale_bicubic(image))
    torch.testing.assert_close(network(image), whole(image))


def test_has_one_parameter_and_hands_through_what_tiling_needs():
    whole = model("unet")
    network = SubspaceNetwork(whole, 5, seed=0)
    assert [(n, p.shape) for n, p in network.named_parameters()] == [("coordinates", (5,))]
    assert network.coordinates.count_nonzero() == 0
    for name in ("bands", "multiple", "receptive_field"):
        assert getattr(network, name) == getattr(whole, name)
    assert count_weights(network) == 5


def test_leaves_the_network_it_was_given_alone():
    whole = model()
    weights = {name: weight.clone() for name, weight in whole.named_parameters()}
    network = SubspaceNetwork(whole, 5, seed=0)
    nn.init.ones_(network.coordinates)
    network(images()).sum().backward()
    found = dict(whole.named_parameters())
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weight) for name, weight in weights.items())
    assert all(weight.grad is None for weight in whole.parameters())


def test_computes_the_network_with_the_weights_moved_along_the_projection():
    whole, network = model(), moved()
    move = network.projection(network.coordinates)
    start = nn.utils.parameters_to_vector(whole.parameters())
    nn.utils.vector_to_parameters(start + move, whole.parameters())
    image = images()
    torch.testing.assert_close(network(image), whole(image))
    assert not torch.allclose(network(image), upscale_bicubic(image))


@pytest.mark.parametrize("name", ["lean", "carn", "unet"])
def test_gradient_is_that_of_all_weights_projected(name):
    network = moved(name).double()
    image, truth = images(dtype=torch.float64), images(side=12, dtype=torch.float64)
    (found,) = torch.autograd.grad(F.mse_loss(network(image), truth), network.coordinates)

    weights = {n: w.detach().requires_grad_() for n, w in network.weights().items()}
    loss = F.mse_loss(functional_call(network.model, weights, (image,)), truth)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(weights.values()))])
    units = torch.eye(9, dtype=torch.float64)
    projection = torch.stack([network.projection(unit) for unit in units], dim=1)
    torch.testing.assert_close(found, projection.T @ gradient)
    assert found.abs().min() > 0


def test_gradient_agrees_with_finite_differences():
    torch.manual_seed(0)
    smooth = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 1, 1)).double()
    network = SubspaceNetwork(smooth, 3, seed=0)
    image = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    start = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def at(coordinates):
        return functional_call(network, {"coordinates": coordinates}, (image,))

    assert torch.autograd.gradcheck(at, start)


@pytest.mark.parametrize("dimension", [-1, 0, count_weights(model()) + 1])
def test_refuses_dimensions_that_there_are_not(dimension):
    with pytest.raises(UserError, match=f"dimension {dimension} in a network of"):
        SubspaceNetwork(model(), dimension, seed=0)


def test_copies_and_states_bring_everything_along():
    network, image = moved(), images()
    expected = network(image)
    assert torch.equal(copy.deepcopy(network)(image), expected)
    torch.manual_seed(5)
    other = SubspaceNetwork(build_model("lean", BANDS, **SIZES["lean"]), 9, seed=3)
    assert not torch.equal(other(image), expected)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(image), expected)


def test_works_channels_last_and_in_other_precision():
    network, image = moved(), images()
    expected = network(image).detach()
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    found = last(image.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected)
    assert network.double()(image.double()).dtype == torch.float64
    torch.testing.assert_close(network(image.double()).float(), expected)


def test_batch_statistics_follow_in_training_only():
    network = moved("unet")
    statistics = [b for n, b in network.named_buffers() if n.endswith("running_mean")]
    network.eval()(images())
    assert all(mean.count_nonzero() == 0 for mean in statistics)
    network.train()(images())
    assert all(mean.count_nonzero() for mean in statistics)


def test_learning_rate_keeps_the_length_of_a_step():
    assert subspace_learning_rate(0.1, 400, 400) == pytest.approx(0.1)
    assert subspace_learning_rate(0.1, 4, 400) * 4**0.5 == pytest.approx(0.1 * 400**0.5)
