"""How far a scene is, and when it may be done."""

from dataclasses import dataclass
from time import perf_counter


@dataclass
class Progress:
    """How far a scene is; called at every tile.

    What comes before the first tile, such as estimates of noise and blur, is no part of the time
    that is left.

    Attributes:
        done, total: Tiles; 0 of 0 before the first one.
        began: When its first tile was finished, in seconds.
        first: Tiles that were finished then.
    """

    done: int = 0
    total: int = 0
    began: float | None = None
    first: int = 0

    def __call__(self, done: int, total: int) -> None:
        """Take note of the number of finished tiles."""
        if self.began is None:
            self.began, self.first = perf_counter(), done
        self.done, self.total = done, total

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None if there is none yet."""
        if self.began is None or self.done <= self.first:
            return None
        return (perf_counter() - self.began) / (self.done - self.first) * (self.total - self.done)
