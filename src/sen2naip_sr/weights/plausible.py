"""Whether an architecture can be that of given weights, before any of it is built in memory."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode

from sen2naip_sr.models.registry import build_model

DTYPES = (torch.float16, torch.float32, torch.float64, torch.int64)
"""Dtypes of the tensors of weights; integers count batches."""


SLACK = 2
"""How many times the weights' tensors and values an architecture may have, so that those that do
not fit can be named."""


class TooLargeError(Exception):
    """An architecture has many more or larger tensors than the weights."""


def shapes_of(
    name: str, bands: int, parameters: Mapping[str, Any], state: Mapping[str, Tensor]
) -> dict[str, torch.Size]:
    """Return the shapes of an architecture's tensors, which take no memory.

    Building ends as soon as there are many more tensors or values than ``state`` has: it takes
    hardly longer than the weights' own architecture would.

    Raises:
        TooLargeError: If there are many more.
        UserError: If the name, a parameter's name or a value is not valid.
    """
    numbers = sum(tensor.numel() for tensor in state.values())
    with torch.device("meta"), _Unfilled(), _bounded(SLACK * len(state), SLACK * numbers):
        try:
            model = build_model(name, bands, **parameters)
        except (RuntimeError, OverflowError, MemoryError, TypeError, ValueError) as error:
            # torch refuses sizes beyond 64 bits with these
            raise TooLargeError(str(error)) from error
        return {key: tensor.shape for key, tensor in model.state_dict().items()}


class _Unfilled(TorchFunctionMode):
    """Leaves out drawing normal numbers, for which torch first loads a compiler on this device."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch, unless it fills a tensor."""
        if function is Tensor.normal_:
            return args[0]
        return function(*args, **(kwargs or {}))


@contextmanager
def _bounded(tensors: int, numbers: int) -> Iterator[None]:
    """Let modules of this thread register no more parameters than these."""
    thread, seen = threading.get_ident(), [0, 0]

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if threading.get_ident() != thread or parameter is None:
            return
        seen[0] += 1
        seen[1] += parameter.numel()
        if seen[0] > tensors or seen[1] > numbers:
            raise TooLargeError(f"it has more than {tensors:,} tensors or {numbers:,} values")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
