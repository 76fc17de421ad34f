"""Tensors in fewer bytes and without loss, for large weights files that are shipped.

The exponents of weights are much alike, and their last digits are not.
"""

from collections.abc import Mapping
from math import prod
from typing import Literal, get_args

import numpy as np
import torch
from pydantic import PositiveInt
from torch import Tensor

from sen2naip_sr.weights.compact import compressed, decompressed

Floating = Literal["float16", "float32", "float64"]
Layouts = dict[str, tuple[Floating, tuple[PositiveInt, ...]]]
"""Dtypes and shapes by the names of packed tensors."""
MOST_BYTES = 2**28
"""Bytes of all packed tensors before they are packed."""


def pack(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Layouts]:
    """Return tensors as they are stored, and the layouts of those that are packed.

    A packed tensor is stored as uint8 (n,), see `sen2naip_sr.weights.compact`. Integers stay as
    they are, and so does what would not get smaller.

    Args:
        state: Tensors by name, on the CPU, contiguous.
    """
    stored, total = dict(state), 0
    layouts: Layouts = {}
    names = {getattr(torch, name): name for name in get_args(Floating)}
    for name, tensor in sorted(state.items()):
        total += tensor.nbytes
        if tensor.dtype not in names or not tensor.numel() or total > MOST_BYTES:
            continue
        content = compressed(tensor.numpy())
        if len(content) < tensor.nbytes:
            stored[name] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            layouts[name] = names[tensor.dtype], tuple(tensor.shape)
    return stored, layouts


def unpack(stored: Mapping[str, Tensor], layouts: Layouts) -> dict[str, Tensor]:
    """Return tensors as they were before `pack`.

    Raises:
        ValueError: If a packed tensor is missing, damaged or of another size, or all are too large.
    """
    state, total = dict(stored), 0
    for name, (dtype, shape) in layouts.items():
        total += prod(shape) * np.dtype(dtype).itemsize
        if total > MOST_BYTES:
            raise ValueError(f"its packed tensors are larger than {MOST_BYTES // 2**20} MB")
        if name not in state or state[name].dtype != torch.uint8:
            raise ValueError(f"the packed tensor '{name}' is missing")
        numbers = decompressed(state[name].numpy().tobytes(), np.dtype(dtype), prod(shape))
        if len(numbers) != prod(shape):
            raise ValueError(f"the packed tensor '{name}' is not of its shape")
        state[name] = torch.from_numpy(numbers.reshape(shape))
    return state
