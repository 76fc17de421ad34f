"""Processes that work side by side, of which any may die without the others."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from threading import Lock, Thread, Timer, local
from types import TracebackType
from typing import Any, Protocol, Self

import torch

from sen2naip_sr.experiments.running.attempts import MOST_ENDS

STARTS = MOST_ENDS + 1
"""How often a task whose process dies is started: the last time, a training gives itself up."""
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has the other alone, which kills too
PATIENCE = 20
"""Seconds that a task has to end in, where nobody waits for it any more."""


class Runs(Protocol):
    """What runs tasks."""

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return what the task will return."""


@contextmanager
def open_processes(count: int) -> Iterator[Runs]:
    """Return what runs so many tasks at a time; one: in this process."""
    if count == 1:
        yield _Here()
        return
    with Processes(count) as processes:
        yield processes


class _Here:
    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes:
    """Like a pool of processes, but one that dies takes only its own task along, and is replaced.

    Each has its share of torch's threads. Left by an exception, it ends what they are at, and
    waits for that: nothing trains any more once it is left.

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._threads = max(1, torch.get_num_threads() // count)
        self._own = local()
        self._all: dict[int, ProcessPoolExecutor] = {}
        self._lock, self._ended = Lock(), False
        # a thread for each process waits for it
        self._pool = ThreadPoolExecutor(count)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return what the task will return.

        Where its process dies it is tried again in a fresh one; where each of `STARTS` died, it
        raises BrokenProcessPool.
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
        """Return this thread's process, a new one where it has none."""
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
        """Take this thread's process, which has died, from the others."""
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        last = Timer(PATIENCE, self._send, [KILL])
        if error is not None:  # nobody waits for what they are at
            self._send(signal.SIGTERM)
            last.start()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for process in self._all.values():
            process.shutdown(wait=True)
        last.cancel()


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C is the parent's, which ends these by a signal that they can tell from a kill
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    # several progress bars at a time would write over each other
    sys.stderr = open(os.devnull, "w")


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Wait for the parent's death: two would train the same when the experiment is run again."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
