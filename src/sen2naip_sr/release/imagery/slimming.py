"""A trained Lean made narrower, shorter, and even in its feature maps, before it is trained on.

Inner feature maps that contribute least are cut, and whole blocks (Li et al. 2017, "Pruning Filters
for Efficient ConvNets", https://arxiv.org/abs/1608.08710). Then feature maps are scaled, and the
weights that read and write them, so that all have about the same range (Nagel et al. 2019,
"Data-Free Quantization Through Weight Equalization and Bias Correction",
https://arxiv.org/abs/1906.04721): 8 bits for all of them lose less. What differs: the ranges are
measured, and feature maps that all blocks add to have one scale throughout.
"""

from typing import cast

import torch
from torch import Tensor, nn

from sen2naip_sr.models.networks.lean import Lean, LeanBlock
from sen2naip_sr.models.quantisation import QuantisableConv2d

KEPT = 0.9999
"""The share of a feature map's values that its range holds."""
BALANCE = 0.5
"""How much of the differences between feature maps is left to the weights; 1: all."""
_MOST = 50.0
"""Largest ratio of two scales."""
_TINY = 1e-4


@torch.no_grad()
def slimmed(network: Lean, inner: int, blocks: int, ranges: list[Tensor]) -> Lean:
    """Return a network with the blocks and inner feature maps that contribute most.

    Args:
        network: A conditioned network.
        inner: Inner feature maps of every block that are kept.
        blocks: Blocks that are kept.
        ranges: What `reach` measured on it.
    """
    by_effect = sorted(
        range(len(_blocks(network))), key=lambda place: _effect(network, place, ranges)
    )
    kept = sorted(by_effect[-blocks:])
    slim = Lean(network.bands, **network.size | {"inner": inner, "blocks": blocks}, conditions=True)
    slim.entry.load_state_dict(network.entry.state_dict())
    slim.exit.load_state_dict(network.exit.state_dict())
    assert slim.modulation is not None and network.modulation is not None
    slim.modulation.inner.load_state_dict(network.modulation.inner.state_dict())
    old, new = _shifts_and_scales(network), _shifts_and_scales(slim)
    for own, given in zip(_values(slim.body[-1]), _values(network.body[-1]), strict=True):
        own.copy_(given)
    for outer, source in zip(new, old, strict=True):
        outer[0], outer[-1] = source[0], source[-1]
    for number, place in enumerate(kept):
        small, large = _blocks(slim)[number], _blocks(network)[place]
        best = _contributions(large, ranges[2 * place + 1]).topk(inner).indices.sort().values
        for own, given in zip(_values(small.first), _values(large.first), strict=True):
            own.copy_(given[best])
        weight, bias = _values(large.second)
        for own, given in zip(_values(small.second), (weight[:, best], bias), strict=True):
            own.copy_(given)
        for outer, source in zip(new, old, strict=True):
            outer[2 * number + 1, :, :inner] = source[2 * place + 1, :, best]
            outer[2 * number + 2] = source[2 * place + 2]
    return slim


@torch.no_grad()
def equalise(network: Lean, ranges: list[Tensor]) -> None:
    """Scale the feature maps of a conditioned network, which computes what it computed before.

    Args:
        network: It is changed.
        ranges: What `reach` measured on it.
    """
    shared = torch.stack([values / values.max() for values in ranges[::2]]).amax(0)
    readers = [block.first for block in _blocks(network)] + [network.body[-1]]
    scale = _scales(shared, torch.stack([_read(layer) for layer in readers]).amax(0))
    for layer in [*readers, network.exit]:
        _values(layer)[0].mul_(scale[:, None, None])
    _divide(network, network.entry, 0, scale)
    for number, block in enumerate(_blocks(network)):
        inner = _scales(ranges[2 * number + 1], _read(block.second))
        _values(block.second)[0].mul_(inner[:, None, None])
        _divide(network, block.first, 2 * number + 1, inner)
        _divide(network, block.second, 2 * number + 2, scale)
    _divide(network, network.body[-1], -1, scale)


@torch.no_grad()
def reach(network: Lean, lr: Tensor, conditions: Tensor) -> list[Tensor]:
    """Return the range of each feature map that a convolution of the body reads.

    Args:
        network: A conditioned network.
        lr: (B, C, h, w), images.
        conditions: (B, n), their conditions, encoded.

    Returns:
        (maps,) for each convolution.
    """
    layers = [layer for layer in network.body.modules() if isinstance(layer, nn.Conv2d)]
    found: list[Tensor] = []

    def note(_: nn.Module, given: tuple[Tensor]) -> None:
        values = given[0].abs().transpose(0, 1).flatten(1)
        # torch refuses the quantile of many values
        found.append(values.kthvalue(max(1, int(KEPT * values.shape[1])), dim=1).values)

    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    network(lr, conditions)
    for hook in hooks:
        hook.remove()
    return found


@torch.no_grad()
def set_ends(network: Lean, ranges: list[Tensor]) -> None:
    """Set the largest values that the convolutions of the body read to the measured ones."""
    layers = [layer for layer in network.body.modules() if isinstance(layer, QuantisableConv2d)]
    for layer, values in zip(layers, ranges, strict=True):
        layer.end.copy_(values.max())


def _blocks(network: Lean) -> list[LeanBlock]:
    return cast(list[LeanBlock], list(network.body)[:-1])


def _effect(network: Lean, place: int, ranges: list[Tensor]) -> float:
    """Return how much a block adds to the feature maps that it reads, about."""
    added = _contributions(_blocks(network)[place], ranges[2 * place + 1]).sum()
    return float(added / ranges[2 * place].mean())


def _contributions(block: LeanBlock, ranges: Tensor) -> Tensor:
    """Return how much each inner feature map adds to the block's result, about."""
    return ranges * _values(block.second)[0].square().sum((0, 2, 3)).sqrt()


def _read(layer: nn.Module) -> Tensor:
    weight = _values(layer)[0].abs()
    return weight.amax((0, 2, 3)) / weight.max()


def _scales(ranges: Tensor, weights: Tensor) -> Tensor:
    found = ranges.clamp(min=_TINY) ** BALANCE / weights.clamp(min=_TINY) ** (1 - BALANCE)
    found = found / found.mean()
    return found.clamp(min=float(found.max()) / _MOST)


def _shifts_and_scales(network: Lean) -> tuple[Tensor, Tensor]:
    """Return views of the modulation's last layer: (layers, 2, maps, n) and (layers, 2, maps)."""
    assert network.modulation is not None
    outer, shape = network.modulation.outer, network.modulation.shape
    return outer.weight.data.view(*shape, -1), outer.bias.data.view(*shape)


def _divide(network: Lean, layer: nn.Module, number: int, scale: Tensor) -> None:
    own_weight, own_bias = _values(layer)
    own_weight.div_(scale[:, None, None, None])
    own_bias.div_(scale)
    weight, bias = _shifts_and_scales(network)
    weight[number, 1, : len(scale)] /= scale[:, None]
    bias[number, 1, : len(scale)] /= scale


def _values(convolution: nn.Module) -> tuple[Tensor, Tensor]:
    """Return weight and bias."""
    return cast(Tensor, convolution.weight), cast(Tensor, convolution.bias)
