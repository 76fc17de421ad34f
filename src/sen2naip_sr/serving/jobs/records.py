"""What is known of a job."""

from dataclasses import dataclass, field
from enum import StrEnum
from time import time
from typing import Any


class State(StrEnum):
    """The states of a job. The first two are open: something will still happen to it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


OPEN = (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class Record:
    """A job as the store keeps it. Times are seconds since 1970.

    Attributes:
        id: Its name, which cannot be guessed.
        options: How to upscale, as given.
        pixels: Of the scene.
        state: Where it is.
        created, started, finished: When it came into its states.
        attempts: How often it was begun.
        result: What is known of the result, once it is done.
        fault: Code, problem and remedy, if it failed.
    """

    id: str
    options: dict[str, Any]
    pixels: int
    state: State = State.QUEUED
    created: float = field(default_factory=time)
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    result: dict[str, Any] | None = None
    fault: tuple[str, str, str] | None = None
