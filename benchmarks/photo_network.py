"""A network in ncnn's format as a torch module, so that other runtimes can be timed on it too.

The format: github.com/Tencent/ncnn/wiki/param-and-model-file-structure. Only the layers of SPAN
are known. The result is compared with ncnn's own (peer_speed.py).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAGIC = 7767517
FLOAT32, FLOAT16 = 0, 0x01306B47


@dataclass(frozen=True)
class Layer:
    """A line of a ``.param`` file: what is done, from which blobs to which, and its numbers."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[int, float]


class PhotoNetwork(nn.Module):
    """The network of a ``.param`` file and the ``.bin`` file beside it.

    Args:
        file: The ``.param`` file.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        lines = file.read_text().split("\n")
        assert int(lines[0]) == MAGIC, file
        self.layers = [_layer(line) for line in lines[2:] if line.strip()]
        weights = _Reader(file.with_suffix(".bin"))
        for number, layer in enumerate(self.layers):
            if layer.kind == "Convolution":
                self._add_convolution(number, layer, weights)
            elif layer.kind == "MemoryData":
                values = weights.floats(int(layer.numbers[2])).view(1, -1, 1, 1)
                self.register_buffer(f"data{number}", values)

    def _add_convolution(self, number: int, layer: Layer, weights: "_Reader") -> None:
        outputs, side, count = (int(layer.numbers[key]) for key in (0, 1, 6))
        shape = (outputs, count // (outputs * side**2), side, side)
        self.register_buffer(f"weight{number}", weights.tagged(count).view(shape))
        self.register_buffer(f"bias{number}", weights.floats(outputs))

    def forward(self, picture: Tensor) -> Tensor:
        """Upscale (B, 3, h, w), values in [0, 1], to (B, 3, 2h, 2w)."""
        blobs: dict[str, Tensor] = {"data": picture}
        for number, layer in enumerate(self.layers):
            if layer.kind != "Input":
                result = self._run(number, layer, [blobs[name] for name in layer.inputs])
                blobs |= dict.fromkeys(layer.outputs, result)
        return result

    def _run(self, number: int, layer: Layer, given: list[Tensor]) -> Tensor:
        numbers = layer.numbers
        if layer.kind == "Convolution":
            weight, bias = getattr(self, f"weight{number}"), getattr(self, f"bias{number}")
            return F.conv2d(given[0], weight, bias, padding=int(numbers.get(4, 0)))
        if layer.kind == "MemoryData":
            return getattr(self, f"data{number}")
        if layer.kind == "BinaryOp":
            other = numbers[2] if numbers.get(1) else given[1]
            return (torch.add, torch.sub, torch.mul)[int(numbers.get(0, 0))](given[0], other)
        if layer.kind == "PixelShuffle":
            return F.pixel_shuffle(given[0], int(numbers[0]))
        return SIMPLE[layer.kind](given)


SIMPLE = {
    "Split": lambda given: given[0],
    "Swish": lambda given: F.silu(given[0]),
    "Sigmoid": lambda given: torch.sigmoid(given[0]),
    "Concat": lambda given: torch.cat(given, dim=1),
}
"""Layers without numbers."""


def _layer(line: str) -> Layer:
    kind, _, inputs, outputs, *rest = line.split()
    names, numbers = rest[: int(inputs) + int(outputs)], rest[int(inputs) + int(outputs) :]
    pairs = (number.split("=") for number in numbers)
    return Layer(
        kind,
        tuple(names[: int(inputs)]),
        tuple(names[int(inputs) :]),
        {int(key): float(value) for key, value in pairs},
    )


class _Reader:
    """Reads weights in their order."""

    def __init__(self, file: Path) -> None:
        self._bytes, self._at = file.read_bytes(), 0

    def floats(self, count: int) -> Tensor:
        """Return so many values in float32."""
        return self._take(count, np.dtype("<f4"))

    def tagged(self, count: int) -> Tensor:
        """Return so many values, whose type stands before them."""
        tag = int(np.frombuffer(self._bytes, "<u4", 1, self._at)[0])
        self._at += 4
        return self._take(count, np.dtype({FLOAT32: "<f4", FLOAT16: "<f2"}[tag]))

    def _take(self, count: int, dtype: np.dtype) -> Tensor:
        values = np.frombuffer(self._bytes, dtype, count, self._at).astype(np.float32)
        self._at += -(-count * dtype.itemsize // 4) * 4
        return torch.from_numpy(values)
