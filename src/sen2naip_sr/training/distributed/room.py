"""Whether a machine has room for the processes of a training."""

import logging
import os
import socket
import time
from contextlib import suppress

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.provenance import usable_cores
from sen2naip_sr.training.crops.sampler import sizes_of_parts
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.parameters.distributed import DistributedParameters

PAUSE = 1.0
"""Seconds between two attempts to reach an endpoint."""

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


def await_endpoint(distributed: DistributedParameters) -> None:
    """Wait until another machine's endpoint answers; one of this machine is opened by torch.

    torch would wait as well, and then print its own stack.

    Raises:
        UserError: If it does not answer in time.
    """
    if distributed.nodes == 1 or distributed.endpoint is None:
        return
    host, port = _parts(distributed.endpoint)
    end, why = time.monotonic() + distributed.join_timeout, "no answer"
    while (left := end - time.monotonic()) > 0:
        try:
            if _is_own(host):
                return
            with socket.create_connection((host, port), timeout=left):
                return
        except (OSError, OverflowError) as error:
            why = str(error)
        time.sleep(min(PAUSE, max(0.0, end - time.monotonic())))
    raise not_met(distributed, f": {why}")


def not_met(distributed: DistributedParameters, why: str = "") -> UserError:
    """Return the error of machines that did not meet."""
    return UserError(
        "endpoint-unreachable",
        f"{distributed.endpoint}: {distributed.nodes} machines did not meet there within "
        f"{distributed.join_timeout:g} s{why}",
        "start the same training on every machine, with the address of one of them and a free port "
        "that the others reach",
    )


def _parts(endpoint: str) -> tuple[str, int]:
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), int(port)


def _is_own(host: str) -> bool:
    """Return whether an address is one of this machine."""
    for family, kind, _, _, address in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe, suppress(OSError):
            probe.bind(address)
            return True
    return False


def _refuse_few_gpus(processes: int) -> None:
    if processes > (gpus := torch.cuda.device_count()):
        raise UserError(
            "too-many-processes",
            f"{processes} processes, one for each GPU, and there are {gpus} GPUs",
            "start as many processes as there are GPUs, or train on the CPU",
        )


def _refuse_taken(endpoint: str) -> None:
    host, port = _parts(endpoint)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            pass
    except (OSError, OverflowError) as error:
        raise UserError(
            "endpoint-taken",
            f"{endpoint}: the processes cannot meet there ({error})",
            "choose another port, or none: a free one is then taken",
        ) from error
