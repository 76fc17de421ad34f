"""Whether a machine has room for the processes of a training."""

import logging
import os
import socket

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.provenance import usable_cores
from sen2naip_sr.training.crops.sampler import sizes_of_parts
from sen2naip_sr.training.parameters import TrainingParameters

logger = logging.getLogger(__name__)


def on_gpus(parameters: TrainingParameters) -> bool:
    """Return whether the training computes on GPUs of CUDA."""
    return parameters.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def processes_of(parameters: TrainingParameters) -> int:
    """Return the processes of a training on this machine."""
    wanted = parameters.distributed.processes
    if wanted != "auto":
        return wanted
    return torch.cuda.device_count() if on_gpus(parameters) else 1


def refuse_inside() -> None:
    """Refuse to train in a process that another launcher has started.

    Raises:
        UserError: If this is one.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise UserError(
            "launched-twice",
            "this is one of several processes that all do the same, or would start more",
            "start the command alone: it starts the processes itself",
        )


def refuse_unfit(parameters: TrainingParameters) -> None:
    """Check the processes against the machine and the batch, and say how the batch is split.

    Raises:
        UserError: If the device is missing or a single one, there are too few GPUs or crops, or the
            endpoint is taken.
    """
    d, processes = parameters.distributed, processes_of(parameters)
    if parameters.accelerator == "mps":
        raise UserError(
            "too-many-processes",
            f"{processes} processes cannot share the one device of 'mps'",
            "train in one process, or on the CPU",
        )
    if parameters.accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UserError(
            "device-missing",
            f"the accelerator '{parameters.accelerator}' is not available: there is no GPU of CUDA",
            "choose auto or cpu",
        )
    if on_gpus(parameters):
        _refuse_few_gpus(processes)
    elif processes > (cores := usable_cores()):
        logger.warning("%d processes share %d cores: they slow each other", processes, cores)
    world = processes * d.nodes
    sizes = sizes_of_parts(parameters.batch_size, world)
    if len(set(sizes)) > 1:
        listed = ", ".join(map(str, sizes))
        logger.info(
            "A batch of %d crops is split among %d processes as %s crops; every crop counts alike",
            parameters.batch_size,
            world,
            listed,
        )
    if d.endpoint and d.nodes == 1:
        _refuse_taken(d.endpoint)


def _refuse_few_gpus(processes: int) -> None:
    if processes > (gpus := torch.cuda.device_count()):
        raise UserError(
            "too-many-processes",
            f"{processes} processes, one for each GPU, and there are {gpus} GPUs",
            "start as many processes as there are GPUs, or train on the CPU",
        )


def _refuse_taken(endpoint: str) -> None:
    host, _, port = endpoint.rpartition(":")
    try:
        with socket.create_server((host.strip("[]"), int(port))):
            pass
    except (OSError, OverflowError) as error:
        raise UserError(
            "endpoint-taken",
            f"{endpoint}: the processes cannot meet there ({error})",
            "choose another port, or none: a free one is then taken",
        ) from error
