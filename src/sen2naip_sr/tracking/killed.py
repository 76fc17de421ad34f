"""Runs whose process was killed or interrupted.

MLflow lists a killed run as running for ever, and one that was interrupted by Ctrl-C as finished.
"""

import atexit
import json
import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

PROCESS = "process"
"""Tag of a run: machine, number and start of its process."""
CONTEXT = "MLFLOW_RUN_CONTEXT"
"""Environment variable with tags as JSON, which MLflow gives to every run that it starts."""


def tag_runs() -> None:
    """Let MLflow tag the runs that it starts from now on with this process."""
    given = json.loads(os.environ.get(CONTEXT, "{}"))
    os.environ[CONTEXT] = json.dumps({**given, PROCESS: own_process()})


@contextmanager
def killed_at_exit() -> Iterator[None]:
    """Mark active runs as killed if the program ends before this block does."""
    import mlflow  # noqa: F401 - what is registered before MLflow's own closing comes too late

    atexit.register(end_active)
    try:
        yield
    finally:
        atexit.unregister(end_active)


def end_active() -> None:
    """Mark active runs as killed."""
    import mlflow

    while mlflow.active_run() is not None:
        mlflow.end_run("KILLED")


def own_process() -> str:
    """Return what tells this process from all others: machine, number, start in seconds."""
    return _describe(os.getpid()) or f"{platform.node()} {os.getpid()} 0"


def close_killed(connection: sqlite3.Connection) -> int:
    """Mark runs whose process has ended without closing them as killed.

    Runs of other machines, and those without the tag `PROCESS`, are left as they are. A run ends
    when its last metric was logged.

    Args:
        connection: MLflow's database, without automatic transactions.

    Returns:
        The number of runs that were marked.

    Raises:
        sqlite3.Error: If the database cannot be read or written; nothing is changed then.
    """
    running = connection.execute(
        "SELECT run_uuid, value FROM runs JOIN tags USING (run_uuid) "
        "WHERE status = 'RUNNING' AND key = ?",
        (PROCESS,),
    ).fetchall()
    ended = [run for run, process in running if _has_ended(process)]
    if not ended:
        return 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(
            "UPDATE runs SET status = 'KILLED', end_time = coalesce("
            "(SELECT max(timestamp) FROM metrics WHERE metrics.run_uuid = runs.run_uuid), "
            "start_time) WHERE run_uuid = ?",
            [(run,) for run in ended],
        )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return len(ended)


def _has_ended(process: str) -> bool:
    machine, number, _start = process.rsplit(" ", 2)
    # numbers are used again: only the same start is the same process
    return machine == platform.node() and _describe(int(number)) != process


def _describe(number: int) -> str | None:
    import psutil  # type: ignore[import-untyped]

    try:
        return f"{platform.node()} {number} {psutil.Process(number).create_time():.0f}"
    except psutil.Error:
        return None
