"""What processes of a training tell the one that started them: a file of JSON lines for each.

The readers poll, so that a process that dies leaves nothing that anybody waits for.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PREFIX = "said_"
SHOWN_EVERY = 0.2
"""Seconds between two states of the progress."""


class Voice(logging.Handler):
    """Writes what one process says. As a handler it forwards the log.

    Args:
        folder: The folder of the launch.
        rank: The number of the process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        super().__init__(logging.INFO)
        self._file = (folder / f"{PREFIX}{rank}.jsonl").open("a", buffering=1)
        self._shown = 0.0
        self.say("pid", os.getpid())

    def say(self, kind: str, *content: Any) -> None:
        """Write one line at once."""
        self._file.write(json.dumps([kind, *content]) + "\n")

    def report(self, metrics: dict[str, float], step: int) -> None:
        """Say what was measured at a step."""
        self.say("metrics", metrics, step)

    def show(self, done: float, total: float, status: str) -> None:
        """Say what is done, a few times a second."""
        now = time.monotonic()
        if now - self._shown > SHOWN_EVERY or done >= total:
            self._shown = now
            self.say("progress", done, total, status)

    def emit(self, record: logging.LogRecord) -> None:
        """Say what was logged."""
        self.say("log", record.name, record.levelno, record.getMessage())


class Ear:
    """Reads what the processes of a launch say.

    Args:
        folder: The folder of the launch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def lines(self) -> Iterator[tuple[int, str, list[Any]]]:
        """Yield rank, kind and content of what was said since the last call."""
        for path in sorted(self._folder.glob(f"{PREFIX}*.jsonl")):
            rank = int(path.stem.removeprefix(PREFIX))
            with path.open("rb") as stream:
                stream.seek(self._read.get(path, 0))
                for line in stream:
                    if not line.endswith(b"\n"):  # still being written
                        break
                    self._read[path] = self._read.get(path, 0) + len(line)
                    kind, *content = json.loads(line)
                    yield rank, kind, content
