"""The states of all jobs, in SQLite: what was answered is on the disk before."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import time
from typing import Any, Self

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.jobs.records import OPEN, Record, State

FILE = "jobs.sqlite"
_COLUMNS = "id, options, pixels, state, created, started, finished, attempts, result, fault"
_TABLE = f"""
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    {_COLUMNS.replace("id,", "id TEXT NOT NULL UNIQUE,", 1)}
)
"""
_JSON = ("options", "result", "fault")


class Store:
    """The records of all jobs. Any thread may call it.

    Args:
        folder: The spool folder. The store owns it as long as it is open.

    Raises:
        UserError: If another server uses the folder, or its database is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = Lock()
        try:
            self._database = sqlite3.connect(
                folder / FILE, timeout=0, isolation_level=None, check_same_thread=False
            )
            # the lock is kept until the connection or the process ends, however it ends
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute(_TABLE)
            self._database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise _refused(folder, error) from error

    def close(self) -> None:
        """Give the folder back."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, record: Record) -> None:
        """Add a job.

        Raises:
            UserError: If the disk is full.
        """
        values = [_stored(name, getattr(record, name)) for name in _COLUMNS.split(", ")]
        marks = ", ".join("?" * len(values))
        self._write(f"INSERT INTO jobs ({_COLUMNS}) VALUES ({marks})", values)

    def get(self, id: str) -> Record | None:
        """Return a job; None if there is none of this name."""
        found = self._read("WHERE id = ?", [id])
        return found[0] if found else None

    def of_state(self, *states: State) -> list[Record]:
        """Return the jobs that are in one of these states, oldest first."""
        return self._read(f"WHERE state IN ({_marks(states)}) ORDER BY number", states)

    def count_open(self) -> int:
        """Return how many jobs wait or run."""
        with self._lock:
            query = f"SELECT count(*) FROM jobs WHERE state IN ({_marks(OPEN)})"
            return int(self._database.execute(query, OPEN).fetchone()[0])

    def position(self, id: str) -> int:
        """Return how many open jobs were there before this one."""
        with self._lock:
            query = (
                f"SELECT count(*) FROM jobs WHERE state IN ({_marks(OPEN)}) "
                "AND number < (SELECT number FROM jobs WHERE id = ?)"
            )
            return int(self._database.execute(query, [*OPEN, id]).fetchone()[0])

    def change(self, id: str, before: Iterable[State], **values: Any) -> bool:
        """Change what is known of a job, if it is in one of the states before.

        Returns:
            Whether it was.

        Raises:
            UserError: If the disk is full.
        """
        states = tuple(before)
        changes = ", ".join(f"{name} = ?" for name in values)
        query = f"UPDATE jobs SET {changes} WHERE id = ? AND state IN ({_marks(states)})"
        new = [_stored(name, value) for name, value in values.items()]
        return self._write(query, [*new, id, *states]) > 0

    def finished_before(self, when: float, *states: State) -> list[Record]:
        """Return the jobs in these states that finished before a time."""
        return self._read(f"WHERE state IN ({_marks(states)}) AND finished < ?", [*states, when])

    def forget(self, id: str) -> None:
        """Remove a job."""
        self._write("DELETE FROM jobs WHERE id = ?", [id])

    def end(self, id: str, before: Iterable[State], state: State, **values: Any) -> bool:
        """Let a job come to an end; see `change`."""
        return self.change(id, before, state=state, finished=time(), **values)

    def _read(self, condition: str, values: Iterable[Any]) -> list[Record]:
        with self._lock:
            query = f"SELECT {_COLUMNS} FROM jobs {condition}"
            return [_record(row) for row in self._database.execute(query, [*values])]

    def _write(self, query: str, values: Iterable[Any]) -> int:
        with self._lock, _explained():
            return self._database.execute(query, [*values]).rowcount


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)


def _stored(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON and value is not None else value


def _record(row: tuple[Any, ...]) -> Record:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    for name in _JSON:
        if values[name] is not None:
            values[name] = json.loads(values[name])
    fault = values.pop("fault")
    state = State(values.pop("state"))
    return Record(**values, state=state, fault=None if fault is None else tuple(fault))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        # "database or disk is full", "disk I/O error": nothing was written
        raise UserError(
            "disk-full", "the server cannot write the state of jobs", "try again later"
        ) from error


def _refused(folder: Path, error: sqlite3.DatabaseError) -> UserError:
    if "locked" in str(error):
        return UserError(
            "spool-in-use",
            f"{folder}: another server uses this folder",
            "give each server a spool folder of its own, or end the other",
        )
    return UserError(
        "spool-damaged",
        f"{folder / FILE}: cannot be used ({error})",
        "remove the file, with which its jobs are lost, or choose another folder",
    )
