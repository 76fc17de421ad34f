"""A server in a process of its own, to be measured."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil


class Server:
    """A server that is ready; a context manager that ends it.

    Args:
        spool: Its spool folder; None: one that is removed at the end.
        flags: More flags of the command.

    Attributes:
        address: Where it is.
        process: Its process.
        ready_s: Seconds from the command until it is ready, when it prints its address.
    """

    def __init__(self, spool: Path | None = None, *flags: str) -> None:
        self._own = None if spool else tempfile.TemporaryDirectory()
        self.spool = spool or Path(self._own.name if self._own else "")
        command = [sys.executable, "-m", "sen2naip_sr.command", "serve", "--port=0"]
        began = time.perf_counter()
        self.process = psutil.Popen(
            [*command, f"--spool={self.spool}", *flags], stdout=subprocess.PIPE, text=True
        )
        found = re.search(r"http://[^/\s]+", self.process.stdout.readline())
        assert found, "the server did not start"
        self.address = found[0]
        self.ready_s = time.perf_counter() - began

    def resident_mb(self) -> float:
        """Return the resident memory in MB."""
        return float(self.process.memory_info().rss) / 1e6

    def processor_s(self) -> float:
        """Return the seconds of processor time so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @contextmanager
    def watched(self, every: float = 0.5) -> Iterator[list[tuple[float, float]]]:
        """Collect (seconds, resident MB) during the block."""
        samples: list[tuple[float, float]] = []
        over, began = threading.Event(), time.perf_counter()

        def watch() -> None:
            while not over.wait(every):
                samples.append((time.perf_counter() - began, self.resident_mb()))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield samples
        finally:
            over.set()
            thread.join()

    def left(self) -> list[str]:
        """Return what is left in the spool folder, but for the database and folders of its own."""
        # files go when an answer is sent, and those of a cancelled job at its next tile
        for _ in range(600):
            known = self._files()
            if not known:
                break
            time.sleep(0.05)
        return known

    def _files(self) -> list[str]:
        own = {"jobs", "requests"}
        return [
            f"{folder}: {names}"
            for folder, folders, files in os.walk(self.spool)
            if (names := [n for n in (*folders, *files) if n not in own and "sqlite" not in n])
        ]

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        if self._own:
            self._own.cleanup()
