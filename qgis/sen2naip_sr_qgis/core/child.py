"""A run of the command as a child process: its lines, its events, its end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, Callable

from sen2naip_sr_qgis.core.command import clean_environment
from sen2naip_sr_qgis.core.problems import Cancelled, Problem, told_problem

Told = Callable[[Mapping[str, Any]], object]
Said = Callable[[str], object]
Asked = Callable[[], bool]

GRACE = 0.5
"""Seconds between asking a process to end and killing it."""

REPEATED = ("Error: ", "FAILED ", "  What to do: ", "For the scenes that failed: ")
"""How lines begin that tell an error to people, after its event."""

LOOK = 0.05
"""Seconds between two looks at whether the user has cancelled."""


def run(arguments: Sequence[str], told: Told, said: Said, cancelled: Asked) -> None:
    """Run the command to its end.

    Args:
        arguments: The program and its arguments.
        told: Called with each event: lines of standard error that are JSON objects.
        said: Called with each other line.
        cancelled: Whether the user has cancelled; asked twenty times a second.

    Raises:
        Cancelled: If the user has. The process and its children have ended.
        Problem: If it cannot be started, tells of an error, or fails.
    """
    failures: list[Mapping[str, Any]] = []
    last: list[str] = []

    def hear(line: str) -> None:
        event = _event(line)
        if event is None:
            last.append(line)
            # an event has told the same, without what to type on a command line
            if not (failures and line.startswith(REPEATED)):
                said(line)
        else:
            if event["event"] in ("error", "failed"):
                failures.append(event)
            told(event)

    status = _attend(_started(arguments), hear, cancelled)
    if failures:
        raise told_problem(failures[-1])
    if status != 0:
        raise _ended(status, [line for line in last if line.strip()])


def output_of(arguments: Sequence[str], cancelled: Asked = lambda: False) -> str:
    """Return what a run of a program writes to its standard output; errors as in `run`."""
    process = _started(arguments)
    lines: list[str] = []
    faults: list[str] = []
    status = _attend(process, lines.append, cancelled, faults.append)
    if status != 0:
        raise _ended(status, faults or lines)
    return "\n".join(lines)


def _started(arguments: Sequence[str]) -> subprocess.Popen[str]:
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        # no black window, and a process group of its own
        options = {"creationflags": 0x08000000 | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(os.environ),
            encoding="utf-8",
            errors="replace",
            **options,
        )
    except OSError as error:
        raise Problem(
            f"{arguments[0]} cannot be started: {error.strerror or error}.",
            "check the command with the algorithm 'Check the command'",
        ) from error


def _attend(
    process: subprocess.Popen[str], hear: Said, cancelled: Asked, faulty: Said | None = None
) -> int:
    """Hand on all lines of a process, and return its exit status.

    Its output is read in threads, since only that works with pipes on every system.
    """
    lines: queue.Queue[tuple[Said, str] | None] = queue.Queue()
    streams = ((process.stdout, hear), (process.stderr, faulty or hear))
    for stream, receiver in streams:
        threading.Thread(target=_read, args=(stream, receiver, lines), daemon=True).start()
    open_streams = len(streams)
    try:
        while open_streams:
            if cancelled():
                raise Cancelled
            try:
                item = lines.get(timeout=LOOK)
            except queue.Empty:
                continue
            if item is None:
                open_streams -= 1
            else:
                item[0](item[1])
        while process.poll() is None:
            if cancelled():
                raise Cancelled
            time.sleep(LOOK)
        return process.returncode
    finally:
        _end(process)


def _read(stream: IO[str], receiver: Said, lines: queue.Queue[Any]) -> None:
    with stream:
        for line in stream:
            lines.put((receiver, line.rstrip("\r\n")))
    lines.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and its children, if it still runs: asked first, then killed."""
    for how in ("ask", "kill"):
        if process.poll() is not None:
            return
        _signal(process, how)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait(GRACE)


def _signal(process: subprocess.Popen[str], how: str) -> None:
    if sys.platform == "win32":
        # the script of an environment starts Python as its child: end both
        tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(tree, capture_output=True, check=False, creationflags=0x08000000)
        return
    try:
        os.killpg(process.pid, signal.SIGTERM if how == "ask" else signal.SIGKILL)
    except ProcessLookupError:
        return


def _event(line: str) -> Mapping[str, Any] | None:
    if not line.startswith('{"event"'):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _ended(status: int, last: Sequence[str]) -> Problem:
    """Return the problem of a process that failed and told no error by itself."""
    said = "\n".join(last[-3:]).strip()
    if "No such option" in said or "No such command" in said:
        return Problem(
            f"The command is older than this plugin: {said}",
            "upgrade it with the algorithm 'Set up the command'",
        )
    if status in (-9, 137, -1073741801):
        return Problem(
            "The command was killed: perhaps the memory was full.",
            "close other programs, or take a smaller area (parameter 'Area')",
        )
    return Problem(
        f"The command has ended with status {status}: {said or 'it said nothing'}",
        "see the log; 'Check the command' says whether it works at all",
    )
