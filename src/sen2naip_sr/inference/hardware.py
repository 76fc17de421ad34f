"""The device to compute on, and what it can do."""

import ctypes
from collections.abc import Callable

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.internals import cpu_multiplies_bfloat16


def resolve_device(name: str) -> torch.device:
    """Return a device by its name.

    Args:
        name: ``auto`` (CUDA where there is a CUDA device, else the CPU), ``cpu``, ``cuda``,
            ``cuda:1``, ``mps`` or another name of torch's.

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


def has_bfloat16(kind: str) -> bool:
    """Return whether a kind of device computes in bfloat16 faster than in float32.

    Args:
        kind: ``cpu``, ``cuda`` or another type of a `torch.device`.
    """
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu":
        return cpu_multiplies_bfloat16()
    return False


def best_precision(kind: str) -> str:
    """Return the precision that predicts fastest without a visible loss.

    Args:
        kind: ``cpu``, ``cuda`` or another type of a `torch.device`.

    Returns:
        float16 on CUDA, bfloat16 on CPUs with AVX-512 BF16 or AMX, else float32.
    """
    if kind == "cuda":
        return "float16"
    return "bfloat16" if kind == "cpu" and has_bfloat16(kind) else "float32"


def keep_freed_memory() -> None:
    """Let glibc's allocator keep freed memory for the next layer instead of returning it.

    By default it maps large blocks anew each time. Clearing their pages took up to two fifths of
    a prediction.
    """
    mapped_blocks_at_most, give_back_above = -4, -1
    if mallopt := _of_c_library("mallopt"):
        mallopt(mapped_blocks_at_most, 0)
        mallopt(give_back_above, 2**31 - 1)


def release_freed_memory() -> None:
    """Return the memory that `keep_freed_memory` kept. Otherwise unusable gaps add up."""
    if malloc_trim := _of_c_library("malloc_trim"):
        malloc_trim(0)


def _of_c_library(name: str) -> Callable[..., int] | None:
    """Return a function of the C library, or None. Only glibc has the two that are used."""
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):
        return None
