import pytest
import torch

from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.quantisation import QuantisableConv2d
from sen2naip_sr.release.imagery.slimming import equalise, reach, set_ends, slimmed

CHANNELS, BLOCKS = 6, 3


@pytest.fixture
def network():
    """Return a network with conditions whose feature maps have very different ranges."""
    torch.manual_seed(0)
    network = Lean(4, CHANNELS, BLOCKS, conditions=True).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
        network.entry.weight.mul_(torch.logspace(-1, 1, CHANNELS)[:, None, None, None])
        for block in list(network.body)[:-1]:
            block.first.weight.mul_(torch.logspace(1, -1, CHANNELS)[:, None, None, None])
    return network


@pytest.fixture
def seen(network):
    size = network.modulation.inner.in_features
    return torch.rand(4, 4, 16, 16), torch.rand(4, size)


@torch.no_grad()
def test_equalising_changes_ranges_and_not_the_result(network, seen):
    before, ranges = network(*seen), reach(network, *seen)
    equalise(network, ranges)
    assert torch.allclose(network(*seen), before, atol=1e-4)
    spread = [float(values.max() / values.min()) for values in ranges[1::2]]
    after = [float(values.max() / values.min()) for values in reach(network, *seen)[1::2]]
    assert all(new < old for new, old in zip(after, spread, strict=True))


@torch.no_grad()
def test_slimming_that_keeps_everything_changes_nothing(network, seen):
    same = slimmed(network, CHANNELS, BLOCKS, reach(network, *seen))
    assert torch.allclose(same(*seen), network(*seen), atol=1e-6)


@torch.no_grad()
def test_what_contributes_nothing_is_cut_first(network, seen):
    """Without what adds nothing, the result stays."""
    blocks = list(network.body)[:-1]
    for values in blocks[1].second.parameters():
        values.zero_()
    network.modulation.outer.weight.view(*network.modulation.shape, -1)[4, 1] = 0
    network.modulation.outer.bias.view(network.modulation.shape)[4, 1] = 0
    for block in blocks:
        block.second.weight[:, [0, 4]] = 0
    slim = slimmed(network, CHANNELS - 2, BLOCKS - 1, reach(network, *seen))
    assert len(slim.body) == BLOCKS
    assert slim.body[0].first.out_channels == CHANNELS - 2
    assert torch.allclose(slim(*seen), network(*seen), atol=1e-5)


@torch.no_grad()
def test_the_range_holds_nearly_all_values_of_what_each_convolution_reads(network, seen):
    read, found = [], reach(network, *seen)
    for layer in network.body.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, given: read.append(given[0].abs()))
    network(*seen)
    assert len(found) == len(read) == 2 * BLOCKS + 1
    for ends, maps in zip(found, read, strict=True):
        values = maps.transpose(0, 1).flatten(1)
        assert torch.all((values > ends[:, None]).sum(1) <= 1 + 1e-4 * values.shape[1])
        # it is one of the values, and no larger than it must be
        assert torch.all((values == ends[:, None]).any(1))


@torch.no_grad()
def test_ends_are_the_largest_ranges(network, seen):
    quantised = Lean(4, CHANNELS, BLOCKS, conditions=True, quantised=True)
    ranges = reach(network, *seen)
    set_ends(quantised, ranges)
    layers = [one for one in quantised.body.modules() if isinstance(one, QuantisableConv2d)]
    assert [float(one.end) for one in layers] == [float(values.max()) for values in ranges]
