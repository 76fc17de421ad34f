"""The launcher of trainings: it makes the Lightning Fabric that a training computes with.

Fabric knows the device, the precision and the processes of a training. A training in several
processes makes one in each of them.
"""

import logging
import os
from datetime import timedelta
from inspect import signature
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import DoublePrecision, MixedPrecision
from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy
from torch.nn.parallel import DistributedDataParallel

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import has_bfloat16
from sen2naip_sr.training.holding.shards import shard
from sen2naip_sr.training.parameters.distributed import DistributedParameters


class _FullInput(MixedPrecision):
    """Mixed precision that leaves the input in float32.

    Fabric rounds the input too. The bicubic part of a prediction would then have the 8 bits of
    bfloat16: an error of up to half a digital number in 8-bit data and of 128 in 16-bit data.
    """

    def convert_input(self, data: Any) -> Any:
        return data


class _Double(DoublePrecision):
    """Double precision whose predictions stay in it; Fabric rounds them."""

    def convert_output(self, data: Any) -> Any:
        return data


def make_fabric(
    accelerator: str, precision: str, distributed: DistributedParameters | None = None
) -> Fabric:
    """Return Fabric for a training in this process, on one device.

    Args:
        accelerator: As in `sen2naip_sr.training.parameters.TrainingParameters`.
        precision: Likewise; ``auto`` is bfloat16 if the device has it in hardware.
        distributed: How this process is one of several, which torch's elastic launcher has
            started; None: it is alone.

    Raises:
        UserError: If the device is not available or does not have the precision.
    """
    # Fabric logs the device and the precision, which the run records anyway
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    try:
        plain = Fabric(accelerator=accelerator, devices=1) if distributed is None else None
        device = plain.device.type if plain else _device_of_ranks(accelerator)
    except RuntimeError as error:
        raise UserError(
            "device-missing",
            f"the accelerator '{accelerator}' is not available: {error}",
            "choose auto or cpu",
        ) from error
    plugin = _precision(precision, device)
    if distributed is not None:
        return _fabric_of_rank(device, plugin, distributed)
    assert plain is not None
    return Fabric(accelerator=accelerator, devices=1, plugins=plugin) if plugin else plain


def _precision(precision: str, device: str) -> MixedPrecision | DoublePrecision | None:
    """Return what computes in a precision; None: Fabric's own single precision."""
    if precision == "auto":
        precision = "bf16-mixed" if has_bfloat16(device) else "32-true"
    if precision == "32-true":
        return None
    if precision == "64-true":
        return _Double()
    if precision == "16-mixed" and device == "cpu":
        raise UserError(
            "precision-missing",
            "the precision 16-mixed is not available on a CPU",
            "choose auto, bf16-mixed or 32-true",
        )
    if precision not in ("16-mixed", "bf16-mixed"):
        raise ValueError(f"unknown precision {precision}")
    return _FullInput(precision, device)  # type: ignore[arg-type]


def _device_of_ranks(accelerator: str) -> str:
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return "cuda"
    return "cpu" if accelerator == "auto" else accelerator


def _fabric_of_rank(device: str, plugin: Any, distributed: DistributedParameters) -> Fabric:
    backend = distributed.backend
    if backend == "auto":
        backend = "nccl" if device == "cuda" else "gloo"
    timeout = timedelta(seconds=distributed.timeout)
    strategy = (_sharding if distributed.strategy == "fsdp" else _replicating)(backend, timeout)
    fabric = Fabric(
        accelerator=device,
        devices=int(os.environ["LOCAL_WORLD_SIZE"]),
        num_nodes=int(os.environ["GROUP_WORLD_SIZE"]),
        strategy=strategy,
        plugins=plugin,
    )
    fabric.launch()
    return fabric


def _replicating(backend: str, timeout: timedelta) -> DDPStrategy:
    # every rank computes the same buffers, except statistics of batches, which rank zero keeps
    known = signature(DistributedDataParallel).parameters
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    return DDPStrategy(
        process_group_backend=backend,
        timeout=timeout,
        **{buffers: False},  # type: ignore[arg-type]
    )


def _sharding(backend: str, timeout: timedelta) -> ModelParallelStrategy:
    # Fabric refuses its strategy of FSDP on a CPU; this one takes torch's own function
    return ModelParallelStrategy(
        parallelize_fn=shard,
        data_parallel_size=int(os.environ["WORLD_SIZE"]),
        tensor_parallel_size=1,
        process_group_backend=backend,
        timeout=timeout,
    )
