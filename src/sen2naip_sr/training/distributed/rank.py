"""One process of several: how it begins, what it says, and how it ends."""

import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.distributed.relay import Voice
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import TrainingParameters

Task = Callable[..., None]
"""Takes the Fabric of the process, its voice, and arguments."""
ENDED = "ended"
"""What a process says of a signal that ended it."""


def run_rank(
    folder: str, parent: int, parameters: TrainingParameters, task: Task, arguments: Any
) -> None:
    """Run a task in this process, one of several that torch's elastic launcher has started.

    Args:
        folder: The folder of the launch.
        parent: The process that has started this one.
        parameters: How the training computes.
        task: What to do.
        arguments: Arguments of the task, after Fabric and voice.

    Raises:
        Exception: What the task raises, after it was said.
    """
    rank = int(os.environ["RANK"])
    voice = Voice(Path(folder), rank)
    _end_with_others(voice, parent)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if rank == 0:
        logger = logging.getLogger("sen2naip_sr")
        logger.setLevel(logging.INFO)
        logger.addHandler(voice)
    try:
        p = parameters
        fabric = make_fabric(p.accelerator, p.precision, p.distributed)
        voice.say("ready")
        task(fabric, voice, *arguments)
        # a process that has finished waits for the others, so that none loses its partner
        fabric.barrier()
    except UserError as error:
        voice.say("error", error.code, error.problem, error.remedy)
        raise
    except BaseException as error:
        text = f"{type(error).__name__}: {str(error).strip()}"
        voice.say("failure", text.splitlines()[0], traceback.format_exc())
        raise
    voice.say("done")


def local_leader() -> bool:
    """Return whether this process is the first one on its machine."""
    return os.environ["LOCAL_RANK"] == "0"


def _end_with_others(voice: Voice, parent: int) -> None:
    """End at once by a signal, though torch waits for the other processes, and with the parent.

    A thread takes the signals: handlers of Python run only between two calls of torch.
    """
    signals = {signal.SIGTERM, signal.SIGINT}
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        threading.Thread(target=_wait, args=(voice, signals), daemon=True).start()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _wait(voice: Voice, signals: set[signal.Signals]) -> None:
    number = signal.sigwait(signals)
    voice.say(ENDED, int(number))
    os._exit(128 + number)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
