"""Flower's programs as child processes that end with the one that started them."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sen2naip_sr.errors import UserError

PATIENCE = 60.0
"""Seconds that a program is given to end."""
PR_SET_PDEATHSIG = 1


def environment(home: Path) -> dict[str, str]:
    """Return the variables that Flower's programs run with: they tell nobody, and ask nobody."""
    return {
        **os.environ,
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        # the apps are run by the interpreter of this environment
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def program(name: str) -> str:
    """Return the path of one of Flower's programs."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def running(command: Sequence[str], home: Path, log: Path) -> Iterator[subprocess.Popen]:
    """Run a program until the block ends; it also ends if this process is killed (on Linux).

    Args:
        command: The program and its arguments.
        home: Where Flower keeps its state.
        log: The file of what it says.
    """
    home.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            # the command has no threads
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )
        try:
            yield process
        finally:
            end(process)


def end(process: subprocess.Popen) -> None:
    """End a program: ask, wait, then kill it."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def call(command: Sequence[str], home: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, and return what it said.

    Raises:
        UserError: If it fails.
    """
    done = subprocess.run(
        command,
        env=environment(home) | dict(variables or {}),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise UserError(
            "flower-failed",
            f"{Path(command[0]).name} failed: {' '.join(said[-3:])[:400]}",
            "see the log in the folder",
        )
    return done.stdout


def require_free(host: str, port: int) -> None:
    """Check that nobody listens at an address.

    Raises:
        UserError: If it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                "address-taken",
                f"{host}:{port} cannot be listened at: {error}",
                "choose another port or host",
            ) from error


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
