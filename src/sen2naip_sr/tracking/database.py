"""MLflow's database: made as a whole or not at all, and checked before a run begins.

MLflow makes its tables by some sixty migrations, each committed by itself. Two processes that do
so at once, or one that is killed meanwhile, would leave a database that nothing can open.
"""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.files import write_atomically
from sen2naip_sr.tracking.killed import close_killed
from sen2naip_sr.tracking.moved import follow

logger = logging.getLogger(__name__)

WAIT = 20.0
"""Seconds to wait for a database that another process has locked; MLflow waits as long."""
CREATION = 120.0
"""Seconds to wait for other processes that create or check the database."""
READ_WHOLE = 64e6
"""Bytes of the largest database that is checked page by page: a quarter of a second."""


def prepare(database: Path, artifacts: Path | None, experiments: Mapping[str, str | None]) -> None:
    """Create MLflow's database if it is missing, and check that runs can be recorded there.

    Args:
        database: The SQLite file. Runs in it whose process was killed are marked as that.
        artifacts: Folder of the runs' files, if they lie on this machine. If it lies beside the
            database and both were moved, the database follows.
        experiments: Experiments to create if they are missing, and the addresses of their runs'
            files; None is MLflow's default.

    Raises:
        OSError: If the folder is read-only or the disk is full.
        UserError: If the database is damaged, locked, read-only, unfinished or of another version
            of MLflow.
    """
    with locked(database.parent, f"{database.name}.lock", CREATION):
        if _is_empty(database):
            _create(database, artifacts or database.parent / "mlartifacts")
        try:
            with closing(_connect(database)) as connection:
                _check(connection, database)
                close_killed(connection)
                if artifacts is not None and artifacts.parent == database.parent:
                    _follow(connection, artifacts)
                known = {name for (name,) in connection.execute("SELECT name FROM experiments")}
        except sqlite3.Error as error:
            raise _explained(database, error) from error
        _create_experiments(database, {k: v for k, v in experiments.items() if k not in known})


def _follow(connection: sqlite3.Connection, artifacts: Path) -> None:
    if follow(connection, artifacts):
        logger.info(
            "The project was moved or copied: its runs now have their files in %s", artifacts
        )


def _create_experiments(database: Path, experiments: Mapping[str, str | None]) -> None:
    if not experiments:
        return
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{database}")
    for name, place in experiments.items():
        client.create_experiment(name, artifact_location=place)


def _is_empty(database: Path) -> bool:
    return not database.exists() or (database.is_file() and database.stat().st_size == 0)


def _connect(database: Path) -> sqlite3.Connection:
    # a URI with a mode, since a missing file would be made; no transactions but those asked for
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=WAIT, isolation_level=None
    )


def _create(database: Path, artifacts: Path) -> None:
    """Make the tables in memory, which takes two thirds of the time, and write them at once."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore("sqlite:///:memory:", artifacts.as_uri())
    try:
        with store.engine.connect() as connection:
            content = connection.connection.driver_connection.serialize()
    finally:
        store.engine.dispose()
    write_atomically(database, content)


def _check(connection: sqlite3.Connection, database: Path) -> None:
    """Check a database that has tables.

    Raises:
        sqlite3.Error: If it cannot be read or written.
        UserError: If it is damaged, or if the installed MLflow cannot use it.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if database.stat().st_size <= READ_WHOLE:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    if "alembic_version" not in tables and not tables & {"experiments", "runs", "metrics"}:
        raise UserError(
            "tracking-database-foreign",
            f"{database}: is a database of something else than MLflow",
            "move it to another place: the next run makes a new one",
        )
    if "alembic_version" not in tables:
        raise _unfinished(database)
    _check_version(connection, database)
    # only writing tells whether the database, its folder and the disk allow it
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE writable (x)")
    connection.execute("ROLLBACK")


def _check_version(connection: sqlite3.Connection, database: Path) -> None:
    from importlib.util import find_spec

    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    (package,) = find_spec("mlflow").submodule_search_locations  # type: ignore[union-attr,misc]
    migrations = ScriptDirectory(str(Path(package) / "store" / "db_migrations"))
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise _unfinished(database)
    if row[0] == migrations.get_current_head():
        return
    try:
        migrations.get_revision(row[0])
    except CommandError as error:
        raise UserError(
            "tracking-database-newer",
            f"{database}: was written by a newer MLflow than the one installed",
            "install that version of MLflow, or move the database to another place: the next run "
            "makes a new one, which does not list the earlier runs",
        ) from error
    if not _has_runs(connection):
        raise _unfinished(database)
    raise UserError(
        "tracking-database-outdated",
        f"{database}: was written by an older MLflow than the one installed",
        "copy the database, then upgrade it; or move it to another place: the next run makes a "
        "new one, which does not list the earlier runs",
    )


def _has_runs(connection: sqlite3.Connection) -> bool:
    found = "SELECT 1 FROM sqlite_master WHERE name = 'runs'"
    if connection.execute(found).fetchone() is None:
        return False
    return connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None


def _unfinished(database: Path) -> UserError:
    return UserError(
        "tracking-database-unfinished",
        f"{database}: its creation was interrupted, and it lists no run",
        "delete it: the next run makes a new one",
    )


def _explained(database: Path, error: sqlite3.Error) -> UserError:
    kind = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")
    if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return UserError(
            "tracking-database-locked",
            f"{database}: another program keeps it locked",
            "end the program that has it open, or wait for it",
        )
    if kind.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return UserError(
            "tracking-database-read-only",
            f"{database}: cannot be written: {error}",
            "allow yourself to write the file and its folder",
        )
    if kind.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOLFS")):
        return UserError(
            "tracking-database-disk",
            f"{database}: cannot be read or written: {error}",
            "make room on that disk, and check it",
        )
    return UserError(
        "tracking-database-damaged",
        f"{database}: is damaged: {error}",
        "put back a copy of it, or move it to another place: the next run makes a new one, which "
        "does not list the earlier runs",
    )
