"""Worker processes. One that dies does not take the others with it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from threading import Lock, Thread, Timer, local
from typing import Any, Protocol, Self

import torch

from sen2naip_sr.experiments.running.attempts import MOST_ENDS
from sen2naip_sr.experiments.running.cluster import Cluster
from sen2naip_sr.experiments.running.parameters import Workers

STARTS = MOST_ENDS + 1
"""How often a task whose process dies is started; at the last start, a training gives up."""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows, SIGTERM kills
PATIENCE = 20
"""Seconds that a task is given to end, once nobody waits for it."""


class Runs(Protocol):
    """Runs tasks."""

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a task, and return the future of its result."""


@contextmanager
def open_processes(workers: Workers) -> Iterator[tuple[Runs, int]]:
    """Yield a runner of tasks, and how many it takes at a time.

    Args:
        workers: A number of processes, of which a single one is this process; or the address of a
            Dask scheduler, all of whose workers are used.

    Raises:
        UserError: If there is no such scheduler.
    """
    if workers == 1:
        yield _Here(), 1
    elif isinstance(workers, int):
        with Processes(workers) as processes:
            yield processes, workers
    else:
        with Cluster(workers) as cluster:
            yield cluster, cluster.size


class _Here:
    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes:
    """A pool of processes. One that dies fails only its own task, and is replaced.

    Each process has its share of torch's threads. When the context is left by an exception, running
    tasks are interrupted and waited for, so that none outlives it.

    Args:
        count: The number of processes.
    """

    def __init__(self, count: int) -> None:
        self._threads = max(1, torch.get_num_threads() // count)
        self._own = local()
        self._all: dict[int, ProcessPoolExecutor] = {}
        self._lock, self._ended = Lock(), False
        # one thread waits for each process
        self._pool = ThreadPoolExecutor(count)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a task, and return the future of its result.

        If its process dies, the task is started again in a new one, `STARTS` times in all. The
        future then raises BrokenProcessPool.
        """
        return self._pool.submit(self._run, task, *arguments)

    def _run(self, task: Callable[..., Any], *arguments: Any) -> Any:
        for start in range(1, STARTS + 1):
            if self._ended:
                raise CancelledError
            try:
                return self._process().submit(task, *arguments).result()
            except BrokenProcessPool:
                self._forget()
                if start == STARTS:
                    raise

    def _process(self) -> ProcessPoolExecutor:
        """Return this thread's process; start one if it has none."""
        if getattr(self._own, "process", None) is None:
            # spawned: a forked process would share the locks of torch's threads
            process = ProcessPoolExecutor(
                1, get_context("spawn"), initializer=_prepare, initargs=(self._threads,)
            )
            number = process.submit(os.getpid).result()
            with self._lock:
                if self._ended:
                    process.shutdown(wait=False)
                    raise CancelledError
                self._all[number] = process
            self._own.process, self._own.number = process, number
        return self._own.process

    def _forget(self) -> None:
        """Remove this thread's process, which has died."""
        if getattr(self._own, "process", None) is not None:
            with self._lock:
                del self._all[self._own.number]
            self._own.process = None

    def _send(self, what: signal.Signals) -> None:
        with self._lock:
            self._ended = True
            for number in self._all:
                with suppress(ProcessLookupError):
                    os.kill(number, what)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        last = Timer(PATIENCE, self._send, [KILL])
        if error is not None:  # nobody waits for the results
            self._send(signal.SIGTERM)
            last.start()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for process in self._all.values():
            process.shutdown(wait=True)
        last.cancel()


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()
    # the parent handles Ctrl-C, and ends its workers by a signal that differs from a kill
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    # several progress bars at a time would write over each other
    sys.stderr = open(os.devnull, "w")


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Exit when the parent dies: a rerun of the experiment would train the same beside it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
