"""Turns: who may predict, in the order of asking."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock that is given in the order in which it was asked for.

    A plain lock may be given again to the thread that has just released it, for ever.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the own turn, and hold it for the block."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def let_others_go_first(self) -> None:
        """Inside a turn: end it, and wait for the next behind everybody who waits now."""
        with self._changed:
            if len(self._queue) == 1:
                return
        self._end()
        self._begin()

    def _begin(self) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._queue[0] is ticket)

    def _end(self) -> None:
        with self._changed:
            self._queue.popleft()
            self._changed.notify_all()
