"""Places in a queue: how many may wait, and when somebody who is turned away may come again."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
        others: Returns how many of them others have taken.
    """

    def __init__(self, limit: int, others: Callable[[], int] = lambda: 0) -> None:
        self._limit = limit
        self._others = others
        self._mean = 1.0
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for the block.

        Raises:
            Busy: If there is none.
        """
        if self.taken + self._others() >= self._limit:
            raise Busy(min(LONGEST_WAIT, max(1, math.ceil(self._mean))))
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    def took(self, seconds: float) -> None:
        """Take how long a place was needed, from any thread."""
        self._mean += SHARE * (seconds - self._mean)
