"""Processes that work side by side, of which any may die without the others."""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context, parent_process
from threading import Thread, local
from types import TracebackType
from typing import Any, Self

import torch


class Processes:
    """Like a pool of processes, but one that dies takes only its own task along, and is replaced.

    Args:
        count: How many.
        threads: Of torch in each.
    """

    def __init__(self, count: int, threads: int) -> None:
        self._threads = threads
        self._own = local()
        self._all: dict[int, ProcessPoolExecutor] = {}
        # a thread for each process waits for it
        self._pool = ThreadPoolExecutor(count)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return what the task will return; where its process died, it raises BrokenProcessPool."""
        return self._pool.submit(self._run, task, *arguments)

    def _run(self, task: Callable[..., Any], *arguments: Any) -> Any:
        if getattr(self._own, "process", None) is None:
            # spawned: a forked process would share the locks of torch's threads
            self._own.process = ProcessPoolExecutor(
                1, get_context("spawn"), initializer=_prepare, initargs=(self._threads,)
            )
            self._all[self._own.process.submit(os.getpid).result()] = self._own.process
        try:
            return self._own.process.submit(task, *arguments).result()
        except BrokenProcessPool:
            self._own.process = None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for pid, process in self._all.items():
            if error is not None:  # nobody waits for what they are at
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            process.shutdown(wait=False, cancel_futures=True)


def _prepare(threads: int) -> None:
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()
    # several progress bars at a time would write over each other
    sys.stderr = open(os.devnull, "w")


def _end_with_parent() -> None:
    """Wait for the parent's death: two would train the same when the experiment is run again."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
