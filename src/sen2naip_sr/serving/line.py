"""A line of work: all predictions of a server, in the order of asking, in one thread."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Work(Generic[T]):
    call: Callable[[], T]
    long: bool
    future: "Future[T]" = field(default_factory=Future)

    def do(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.call()
        except BaseException as error:
            # whoever waits for it has to know
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Line:
    """Does what it is given in one thread, which lasts.

    torch's OpenMP keeps a team of threads for every thread that has called it. As soon as there
    are more of them than cores, those that wait sleep at once instead of spinning, and a scene
    takes far longer: its estimates alone are thousands of small operations. So long work makes room
    for short work inside itself, not in a thread of its own.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[_Work] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="predictions")

    def submit(self, call: Callable[[], T], *, long: bool = False) -> "Future[T]":
        """Let something be done behind all that waits.

        Args:
            call: What is done.
            long: Whether it calls `let_others_go_first` now and then.

        Raises:
            RuntimeError: If the line is closed.
        """
        work = _Work(call, long)
        with self._lock:
            self._pool.submit(self._do_first)
            self._waiting.append(work)
        return work.future

    def let_others_go_first(self) -> None:
        """Inside long work: do all short work that waits now."""
        with self._lock:
            short = [work for work in self._waiting if not work.long]
            for work in short:
                self._waiting.remove(work)
        for work in short:
            work.do()

    def close(self) -> None:
        """Cancel what waits, and wait for the end of what is being done."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for work in waiting:
            work.future.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _do_first(self) -> None:
        with self._lock:
            # what is missing has gone first inside long work
            work = self._waiting.popleft() if self._waiting else None
        if work:
            work.do()
