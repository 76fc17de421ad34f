"""Lean computed by OpenVINO, with the convolutions of its body in 8 bits.

The model is built layer by layer from a network's weights. Feature maps and weights are rounded
as `sen2naip_sr.models.quantisation` says, so it computes what the network computes that rounds.
Sums of whole numbers are exact, so tiles give the bits of the whole.
"""

import copy
import functools
import importlib.util
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.models.blocks import GlobalResidualNetwork
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.quantisation import (
    SIGNED_LEVELS,
    UNSIGNED_LEVELS,
    QuantisableConv2d,
    map_limits,
    rounded_weights,
    weight_steps,
)

if TYPE_CHECKING:
    from openvino import InferRequest, Node


def has_openvino() -> bool:
    """Return whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def find_quantised(model: nn.Module) -> Lean | None:
    """Return the part of a model that can be computed in 8 bits; None if there is none."""
    found = (part for part in model.modules() if isinstance(part, Lean) and part.quantised)
    return next(found, None)


def with_openvino(model: nn.Module) -> nn.Module:
    """Return a copy of a model whose quantised part is computed by OpenVINO.

    Args:
        model: As `find_quantised` takes it.
    """
    if isinstance(model, Lean):
        return OpenvinoLean(model)
    result = copy.deepcopy(model)
    for parent in result.modules():
        for name, part in list(parent.named_children()):
            if isinstance(part, Lean) and part.quantised:
                setattr(parent, name, OpenvinoLean(part))
    return result


class OpenvinoLean(GlobalResidualNetwork):
    """A Lean in OpenVINO's hands, for images in float32 on the CPU.

    It is compiled when it is first used: of a network that is told conditions, the one for clean
    images is often made and not used.

    Args:
        network: A plain network that knows the ranges of its feature maps.
    """

    def __init__(self, network: Lean) -> None:
        super().__init__(network.bands)
        self.receptive_field, self.multiple = network.receptive_field, network.multiple
        self.strength = network.strength
        self._compile = functools.partial(_compiled, network)

    def __deepcopy__(self, memo: dict[int, object]) -> "OpenvinoLean":
        """Return itself: it does not change."""
        return self

    @functools.cached_property
    def _request(self) -> "InferRequest":
        return self._compile()

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling, from the low-resolution image."""
        results = [
            self._request.infer({0: one[None].numpy()})[0].copy() for one in image.contiguous()
        ]
        return torch.from_numpy(np.concatenate(results))


def _compiled(network: Lean) -> "InferRequest":
    import openvino
    from openvino import opset13 as ops

    image = ops.parameter(openvino.PartialShape([1, network.bands, -1, -1]), np.float32)
    centred = ops.subtract(image, _constant(0.5))
    *blocks, last = network.body
    entered = maps = _convolved(centred, network.entry)
    for block in blocks:
        inner = ops.relu(_convolved(maps, cast(nn.Conv2d, block.first)))
        maps = ops.add(_convolved(inner, cast(nn.Conv2d, block.second)), maps)
    maps = ops.add(_convolved(maps, cast(nn.Conv2d, last)), entered)
    shuffled = ops.depth_to_space(_convolved(maps, network.exit), "depth_first", 2)
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
    }
    model = openvino.Model([shuffled], [image])
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()


def _convolved(maps: "Node", layer: nn.Conv2d) -> "Node":
    """Return what a convolution gives; one that knows the range of what it reads rounds."""
    from openvino import opset13 as ops

    assert layer.bias is not None
    weights = _constant(layer.weight.detach().numpy())
    if isinstance(layer, QuantisableConv2d):
        maps, weights = _rounded(maps, layer), _rounded_weights(layer)
    sums = ops.convolution(maps, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    return ops.add(sums, _constant(layer.bias.detach().numpy().reshape(1, -1, 1, 1)))


def _rounded(maps: "Node", layer: QuantisableConv2d) -> "Node":
    from openvino import opset13 as ops

    low, _ = map_limits(layer.end, layer.signed)
    ends = _constant(float(low)), _constant(float(layer.end))
    levels = 2 * (SIGNED_LEVELS + 1) if layer.signed else UNSIGNED_LEVELS + 1
    return ops.fake_quantize(maps, *ends, *ends, levels)


def _rounded_weights(layer: QuantisableConv2d) -> "Node":
    """Return the weights with the limits of 8 bits, of which they use 7."""
    from openvino import opset13 as ops

    weight = layer.weight.detach()
    end = SIGNED_LEVELS * weight_steps(weight).numpy()
    low, high = _constant(-end), _constant(end)
    rounded = _constant(rounded_weights(weight).numpy())
    return ops.fake_quantize(rounded, low, high, low, high, 2 * SIGNED_LEVELS + 1)


def _constant(values: object) -> "Node":
    from openvino import opset13 as ops

    return ops.constant(np.asarray(values, np.float32))
