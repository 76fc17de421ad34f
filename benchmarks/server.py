"""A server in a process of its own, to be measured."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import psutil


class Server:
    """A started server; a context manager that kills it.

    Args:
        spool: Its spool folder.
        flags: More flags of the command.

    Attributes:
        address: Where it is.
        seconds: From the command to the addresses.
        peak: MB of memory at most until now.
    """

    def __init__(self, spool: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "sen2naip_sr.command", "serve", "--port=0"]
        began = time.perf_counter()
        self.spool = spool
        self.process = subprocess.Popen(
            [*command, f"--spool={spool}", *flags], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        found = re.search(r"http://[^/\s]+", self.process.stdout.readline())
        assert found, "the server did not start"
        self.address = found[0]
        self.seconds = time.perf_counter() - began
        self.peak = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

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

    def _watch(self) -> None:
        try:
            while True:
                memory = psutil.Process(self.process.pid).memory_info().rss / 1e6
                self.peak = max(self.peak, memory)
                time.sleep(0.01)
        except psutil.Error:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
