"""The device to predict on, and what it can do."""

import ctypes
from collections.abc import Callable

import torch

from sen2naip_sr.errors import UserError


def resolve_device(name: str) -> torch.device:
    """Return a device by its name.

    Args:
        name: auto, cpu, cuda, cuda:1, mps...

    Raises:
        UserError: If this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    remedy = "use auto or cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = str(error).splitlines()[0]
        raise UserError(
            "device-missing", f"device '{name}' is not available: {reason}", remedy
        ) from error
    return device


def has_bfloat16() -> bool:
    """Return whether this processor multiplies in bfloat16 faster than in float32."""
    # underscored names differ between versions of torch: one that is missing says no
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def keep_freed_memory() -> None:
    """Let glibc's allocator keep what is freed for the next layer, instead of giving it back.

    It maps large blocks anew each time; clearing their pages took up to two fifths of a prediction.
    """
    mapped_blocks_at_most, give_back_above = -4, -1
    if mallopt := _of_c_library("mallopt"):
        mallopt(mapped_blocks_at_most, 0)
        mallopt(give_back_above, 2**31 - 1)


def release_freed_memory() -> None:
    """Give back what `keep_freed_memory` kept: holes that nothing fits into add up."""
    if malloc_trim := _of_c_library("malloc_trim"):
        malloc_trim(0)


def _of_c_library(name: str) -> Callable[..., int] | None:
    """Return a function of the C library; None where it is not glibc, which alone has them."""
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):
        return None
