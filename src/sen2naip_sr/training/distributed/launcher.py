"""Starts the processes of a training by torch's elastic launcher, and listens to them."""

import logging
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from sen2naip_sr.provenance import usable_cores
from sen2naip_sr.training.distributed.failures import Story, explain
from sen2naip_sr.training.distributed.rank import Task, run_rank
from sen2naip_sr.training.distributed.relay import Ear
from sen2naip_sr.training.distributed.room import (
    await_endpoint,
    not_met,
    processes_of,
    refuse_unfit,
)
from sen2naip_sr.training.parameters import TrainingParameters

POLL = 0.1
"""Seconds between two looks at the processes."""
FOLDER, LOGS = ".launch-", "logs"
PATIENCE = 10.0
"""Seconds that processes are given to end before they are killed."""
THREADS = "OMP_NUM_THREADS"
RUN = "sen2naip_sr"
"""The name by which the machines of one training find each other at their endpoint."""
QUIET = (
    "torch.distributed.elastic",
    "torch.multiprocessing.spawn",
    "torchelastic-events-null",
)
"""Logs of torch that repeat what errors say."""

Heard = Callable[[str, list[Any]], None]
"""Takes kind and content of what rank zero says."""


def launch(
    task: Task,
    arguments: Callable[[Path], Any],
    parameters: TrainingParameters,
    folder: Path,
    heard: Heard,
) -> Any:
    """Run a task in several processes, and return what it left in the folder of the launch.

    What ``heard`` raises ends the processes, as an interrupt does, and is raised.

    Args:
        task: A function of a module, so that a new process can import it. It takes the Fabric of
            its process, its `sen2naip_sr.training.distributed.relay.Voice`, and the arguments.
        arguments: Makes the arguments of the task in the folder of the launch.
        parameters: The processes, the device and the precision.
        folder: Where the folder of the launch is made; it is removed at the end.
        heard: Called in this thread with all that rank zero says.

    Returns:
        What ``arguments`` returns as its second part, called when the processes have ended.

    Raises:
        UserError: If the processes do not fit the machine, cannot meet, or one of them fails.
    """
    refuse_unfit(parameters)
    await_endpoint(parameters.distributed)
    with _made_folder(folder) as made:
        handed, result = arguments(made)
        _Launch(task, handed, parameters, made, heard).run()
        return result()


class _Launch:
    def __init__(
        self, task: Task, handed: Any, parameters: TrainingParameters, folder: Path, heard: Heard
    ) -> None:
        self._arguments = (str(folder), os.getpid(), parameters, task, handed)
        self._distributed = parameters.distributed
        self._processes = processes_of(parameters)
        self._folder, self._heard = folder, heard
        self._ear, self._story = Ear(folder), Story(self._distributed, self._processes)
        self._error: BaseException | None = None

    def run(self) -> None:
        # torch's launcher blocks, and reports have to be made in the thread that asked for them
        thread = threading.Thread(target=self._elastic, daemon=True)
        # torch waits for ever where another service listens at the endpoint
        end = time.monotonic() + 2 * self._distributed.join_timeout + PATIENCE
        with _environment(self._processes):
            thread.start()
            try:
                while thread.is_alive():
                    thread.join(POLL)
                    self._listen()
                    if time.monotonic() > end and not self._met():
                        raise not_met(self._distributed)
                self._listen()
            except BaseException:
                self._end(thread)
                raise
        if self._error is not None:
            raise explain(self._error, self._story) from self._error

    def _elastic(self) -> None:
        try:
            elastic_launch(self._config(), run_rank)(*self._arguments)
        except BaseException as error:
            self._error = error

    def _config(self) -> LaunchConfig:
        d = self._distributed
        wait = max(1, round(d.join_timeout))
        return LaunchConfig(
            min_nodes=d.nodes,
            max_nodes=d.nodes,
            nproc_per_node=self._processes,
            run_id=RUN,
            rdzv_backend="c10d",
            rdzv_endpoint=d.endpoint or "127.0.0.1:0",
            rdzv_configs={"join_timeout": wait, "read_timeout": wait},
            max_restarts=0,
            monitor_interval=POLL,
            start_method="spawn",
            shutdown_timeout=5,
            local_addr=d.address or ("127.0.0.1" if d.nodes == 1 else None),
            logs_specs=DefaultLogsSpecs(log_dir=str(self._folder / LOGS), redirects=Std.ALL),
        )

    def _met(self) -> bool:
        """Return whether the machines have met: then processes or files for their logs exist."""
        begun = self._story.pids or any((self._folder / LOGS).glob("*/*"))
        return self._distributed.nodes == 1 or bool(begun)

    def _listen(self) -> None:
        for rank, kind, content in self._ear.lines():
            self._story.note(rank, kind, content)
            if rank == 0:
                self._heard(kind, content)

    def _end(self, thread: threading.Thread) -> None:
        """End all processes. torch's launcher notices it, and ends too."""
        start, number = time.monotonic(), signal.SIGTERM
        # before the machines have met there are no processes, and torch may wait for long
        while self._met() and thread.is_alive() and time.monotonic() - start < 6 * PATIENCE:
            if time.monotonic() - start > PATIENCE:
                number = getattr(signal, "SIGKILL", number)
            with suppress(Exception):
                for rank, kind, content in self._ear.lines():
                    self._story.note(rank, kind, content)
            for process in self._story.pids.values():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, number)
            thread.join(POLL)


@contextmanager
def _environment(processes: int) -> Iterator[None]:
    """Give the processes their share of the cores, and keep torch's launcher quiet."""
    share = max(1, usable_cores() // processes)
    before = os.environ.get(THREADS, "")
    # who asks for fewer gets fewer
    wanted = min(share, int(before)) if before.isdigit() and before != "0" else share
    loggers = [logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    os.environ[THREADS] = str(wanted)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if before:
            os.environ[THREADS] = before
        else:
            os.environ.pop(THREADS, None)


@contextmanager
def _made_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder, and remove it."""
    parent.mkdir(parents=True, exist_ok=True)
    remove_left(parent)
    made = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=parent))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def remove_left(parent: Path) -> None:
    """Remove the folders that killed launches have left."""
    for left in parent.glob(f"{FOLDER}*"):
        owner = left.name.removeprefix(FOLDER).partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
