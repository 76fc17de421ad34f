"""A project that was moved or copied: MLflow's database follows.

MLflow stores the place of every run's files as an absolute address. In a copy of a project, new
runs would write into the project that it was copied from.
"""

import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit

COLUMNS = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where the database keeps addresses of files, besides its experiments."""


def follow(connection: sqlite3.Connection, artifacts: Path) -> int:
    """Let a database find the files of its runs where the project lies now.

    Experiments whose files lie in a folder of the same name elsewhere get the new folder. A run
    follows if its files are in the new folder, or no longer in the old one.

    Args:
        connection: MLflow's database, without automatic transactions.
        artifacts: The folder of the runs' files, beside the database.

    Returns:
        The number of runs that were changed.

    Raises:
        sqlite3.Error: If the database cannot be read or written; nothing is changed then.
    """
    new = artifacts.absolute().as_uri()
    places = connection.execute("SELECT DISTINCT artifact_location FROM experiments")
    old = [place for (place,) in places if _is_elsewhere(place, new, artifacts.name)]
    if not old:
        return 0
    runs = 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        for place in old:
            runs += _move(connection, place, new)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return runs


def _is_elsewhere(place: str | None, new: str, name: str) -> bool:
    return (
        place is not None
        and place != new
        and place.startswith("file://")
        and _path(place).name == name
    )


def _move(connection: sqlite3.Connection, old: str, new: str) -> int:
    """Replace the beginning of addresses, and return the number of runs that had it."""
    runs = 0
    for table, column in COLUMNS:
        query = f"SELECT rowid, {column} FROM {table} WHERE substr({column}, 1, ?) = ?"
        begins = f"{old}/"
        for row, place in connection.execute(query, (len(begins), begins)).fetchall():
            target = new + place[len(old) :]
            if _path(target).exists() or not _path(place).exists():
                update = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
                connection.execute(update, (target, row))
                runs += table == "runs"
    connection.execute(
        "UPDATE experiments SET artifact_location = ? || substr(artifact_location, ?) "
        "WHERE artifact_location = ? OR substr(artifact_location, 1, ?) = ?",
        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
    )
    return runs


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))
