"""Places in a queue: how many may wait, and when somebody who is turned away may come again."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from sen2naip_sr.errors import UserError

LONGEST_WAIT = 600
SHARE = 0.2
"""Weight of the last duration in their running mean."""


class Busy(UserError):
    """Too many wait already.

    Attributes:
        seconds: After so many a place may be free.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__("busy", "too many scenes wait to be upscaled", f"ask again in {seconds} s")
        self.seconds = seconds

    def __reduce__(self) -> tuple[type["Busy"], tuple[int]]:  # type: ignore[override]
        return type(self), (self.seconds,)


class Places:
    """So many places; to be used from one thread, that of the event loop.

    Args:
        limit: How many there are.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._mean = 1.0
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for the block.

        Raises:
            Busy: If there is none.
        """
        if self.taken >= self._limit:
            raise Busy(self.wait(1))
        self.taken += 1
        began = perf_counter()
        try:
            yield
        finally:
            self.taken -= 1
            self._mean += SHARE * (perf_counter() - began - self._mean)

    def wait(self, turns: int) -> int:
        """Return the seconds that so many places take to become free, at least 1."""
        return min(LONGEST_WAIT, max(1, math.ceil(turns * self._mean / self._limit)))
