"""What computes a network, and in which precision."""

import functools
import logging
from typing import Literal, get_args

import torch
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.acceleration.openvino import find_quantised, has_openvino
from sen2naip_sr.inference.hardware import best_precision
from sen2naip_sr.inference.internals import has_nnpack

logger = logging.getLogger(__name__)

Backend = Literal["auto", "eager", "winograd", "openvino"]
Precision = Literal["auto", "float32", "bfloat16", "float16", "int8"]

FLOATING = ("bfloat16", "float16")
"""Precisions of convolutions that torch's autocast knows."""
INT8 = "int8"


def choose_backend(
    model: nn.Module, device: torch.device, backend: str, precision: str
) -> tuple[str, str]:
    """Return the backend and the precision to compute a model with.

    With ``auto``, the first of these that is possible:

    - 8 bits by OpenVINO: on a CPU with AVX2, where OpenVINO is installed, for a network that knows
      the ranges of its feature maps;
    - half precision, where the device has it in hardware (`best_precision`);
    - float32. A single thread of a CPU with AVX2, but without AVX-512, computes 3 x 3 convolutions
      by Winograd's algorithm (with more threads NNPACK is slower than torch).

    docs/upscaling.md has the measurements.

    Args:
        model: The network.
        device: Where it is computed.
        backend: One of `Backend`.
        precision: One of `Precision`.

    Raises:
        UserError: If one is unknown, or they are not available for this model on this device.
    """
    if backend not in get_args(Backend) or precision not in get_args(Precision):
        raise UserError(
            "unknown-backend",
            f"backend '{backend}' in precision '{precision}' is unknown",
            f"use one of {', '.join(get_args(Backend))} in {', '.join(get_args(Precision))}",
        )
    if precision == INT8 or backend == "openvino":
        return _in_8_bits(model, device, backend, precision)
    if backend == precision == "auto" and device.type == "cpu" and find_quantised(model):
        problem = _what_8_bits_lack(device)
        if problem is None:
            return "openvino", INT8
        _say_what_is_missing(problem)
    return _in_floats(device, backend, precision)


def _in_8_bits(
    model: nn.Module, device: torch.device, backend: str, precision: str
) -> tuple[str, str]:
    problem = remedy = None
    if precision not in ("auto", INT8) or backend not in ("auto", "openvino"):
        problem = f"the backend {backend} does not compute in {precision}"
        remedy = "use openvino with int8, or another backend with another precision"
    elif not find_quantised(model):
        problem = "these weights do not know the ranges of their feature maps, as 8 bits need"
        remedy = "use weights that were trained for 8 bits, or another precision"
    elif problem := _what_8_bits_lack(device):
        remedy = "use the precision auto"
    if problem:
        raise UserError("backend-missing", problem, remedy or "")
    return "openvino", INT8


def _what_8_bits_lack(device: torch.device) -> str | None:
    """Return why this machine cannot compute in 8 bits; None if it can."""
    if device.type != "cpu":
        return f"8 bits are computed on the CPU, not on {device}"
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        return "this processor lacks the instructions for 8 bits (AVX2)"
    if not has_openvino():
        return "OpenVINO is not installed, which computes in 8 bits (the extra openvino)"
    return None


@functools.cache
def _say_what_is_missing(problem: str) -> None:
    """Say once that 8 bits would be faster."""
    logger.info("computed in floats, more slowly: %s", problem)


def _in_floats(device: torch.device, backend: str, precision: str) -> tuple[str, str]:
    if precision == "auto":
        precision = "float32" if backend == "winograd" else best_precision(device.type)
    suits = device.type == "cpu" and precision == "float32"
    if backend == "winograd" and not (suits and has_nnpack()):
        raise UserError(
            "backend-missing",
            f"the backend winograd is not available on {device} in {precision}",
            "use the backend auto or eager; winograd needs a processor with AVX2 or NEON, float32 "
            "and a torch built with NNPACK",
        )
    if backend == "auto":
        alone = torch.get_num_threads() == 1
        narrow = torch.backends.cpu.get_cpu_capability() == "AVX2"
        quicker = suits and alone and narrow and has_nnpack()
        backend = "winograd" if quicker else "eager"
    return backend, precision
