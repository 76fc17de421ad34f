"""Places in a queue: how many may wait, and when somebody who is turned away may come again."""

import math
from collections import Counter
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
        self._senders: Counter[str] = Counter()
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for the block.

        Raises:
            Busy: If there is none.
        """
        if self.taken + self._others() >= self._limit:
            raise self._busy()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def receiving(self, client: str) -> Iterator[None]:
        """Receive a scene for a place that is taken; one client may fill half of the places so.

        Otherwise a client that sends slowly would keep all others out.

        Args:
            client: Its address.

        Raises:
            Busy: If it sends so many already.
        """
        if self._senders[client] >= max(1, self._limit // 2):
            raise self._busy()
        self._senders[client] += 1
        try:
            yield
        finally:
            self._senders[client] -= 1
            # addresses are not collected
            self._senders += Counter()

    def _busy(self) -> Busy:
        return Busy(min(LONGEST_WAIT, max(1, math.ceil(self._mean))))

    def took(self, seconds: float) -> None:
        """Take how long a place was needed, from any thread."""
        self._mean += SHARE * (seconds - self._mean)
