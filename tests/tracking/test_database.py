"""MLflow's database: whole or not at all, every fault a message, and it follows its project."""

import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import mlflow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.tracking import database as module
from sen2naip_sr.tracking.database import prepare
from sen2naip_sr.tracking.killed import PROCESS, killed_at_exit, own_process, tag_runs

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

NAME = "made up"


def open_project(folder):
    """Prepare the database of a project's folder, and return a client of it."""
    artifacts = folder / "mlartifacts"
    prepare(folder / "mlflow.db", artifacts, {NAME: artifacts.as_uri()})
    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def record(client, text):
    """Record a run with one file, and return its id."""
    run = client.create_run(client.get_experiment_by_name(NAME).experiment_id)
    client.log_metric(run.info.run_id, "psnr", 30.0)
    client.log_text(run.info.run_id, text, "notes.txt")
    return run.info.run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory, empty_database):
    """A project's folder with one run in its database. Tests must not change it."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(empty_database, folder)
    record(open_project(folder), "first")
    return folder


@pytest.fixture
def project(made, tmp_path):
    """A copy of it that a test may break."""
    return shutil.copytree(made, tmp_path / "copy")


def change(project, statement):
    with closing(sqlite3.connect(project / "mlflow.db")) as connection, connection:
        connection.executescript(statement)


def refusal(project):
    """Return the error of preparing a project's database, which must change no byte of it."""
    database = project / "mlflow.db"
    before = database.read_bytes() if database.is_file() else None
    with pytest.raises(UserError) as caught:
        open_project(project)
    assert str(database) in caught.value.problem
    assert (database.read_bytes() if database.is_file() else None) == before
    return caught.value.code


def test_a_prepared_database_takes_runs_and_is_kept(made):
    (run,) = open_project(made).search_runs(["1"])
    assert run.data.metrics == {"psnr": 30.0}
    assert not [path for path in made.iterdir() if path.name.startswith(".")]


def prepare_together(barrier, folder, answers):
    barrier.wait()
    try:
        answers.put(record(open_project(folder), "one of many"))
    except BaseException as error:
        answers.put(error)
        raise


def test_first_runs_together_share_one_database(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=prepare_together, args=(barrier, tmp_path, answers))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    found = {answers.get(timeout=120) for _ in processes}
    for process in processes:
        process.join()
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert {run.info.run_id for run in client.search_runs(["1"])} == found
    assert len(found) == 4


def test_an_interrupted_creation_leaves_no_database(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_atomically", stop)
    with pytest.raises(KeyboardInterrupt):
        open_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db.lock"]


def test_an_empty_file_is_no_database_yet(empty_database, tmp_path, monkeypatch):
    content = empty_database.read_bytes()
    monkeypatch.setattr(module, "_create", lambda path, _: write_atomically(path, content))
    (tmp_path / "mlflow.db").touch()
    assert open_project(tmp_path).get_experiment_by_name(NAME)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE alembic_version SET version_num = 'beef'", "tracking-database-newer"),
        ("UPDATE alembic_version SET version_num = '451aebb31d03'", "tracking-database-outdated"),
        ("DELETE FROM alembic_version", "tracking-database-unfinished"),
    ],
)
def test_a_database_of_another_version_is_refused_with_a_remedy(project, statement, code):
    change(project, f"PRAGMA foreign_keys = OFF; {statement}")
    assert refusal(project) == code


TABLES = ("experiments", "runs", "metrics", "tags", "params", "alembic_version", "datasets")


@settings(max_examples=12, deadline=None)
@given(
    missing=st.sets(st.sampled_from(TABLES), min_size=1),
    version=st.sampled_from(["451aebb31d03", "7ac759974ad8", "0584bdc529eb"]),
)
def test_a_creation_that_another_program_left_unfinished_is_refused(made, missing, version):
    with TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(made / "mlflow.db", project)
        statement = f"UPDATE alembic_version SET version_num = '{version}'; DELETE FROM runs;"
        statement += "".join(f"DROP TABLE {name};" for name in sorted(missing))
        change(project, f"PRAGMA foreign_keys = OFF; {statement}")
        whole = missing >= {"experiments", "runs", "metrics", "alembic_version"}
        expected = "tracking-database-foreign" if whole else "tracking-database-unfinished"
        assert refusal(project) == expected


def test_a_locked_database_is_refused_with_a_remedy(project, monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.1)
    with closing(sqlite3.connect(project / "mlflow.db", isolation_level=None)) as other:
        for mode in ("IMMEDIATE", "EXCLUSIVE"):
            other.execute(f"BEGIN {mode}")
            assert refusal(project) == "tracking-database-locked"
            other.execute("ROLLBACK")
    open_project(project)


def test_a_read_only_database_is_refused_with_a_remedy(project, monkeypatch):
    # the permissions of a file stop no administrator, so that SQLite is asked to read only
    def connect(database):
        return sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None)

    monkeypatch.setattr(module, "_connect", connect)
    assert refusal(project) == "tracking-database-read-only"


def test_a_folder_in_its_place_is_refused_with_a_remedy(project):
    (project / "mlflow.db").unlink()
    (project / "mlflow.db").mkdir()
    assert refusal(project) == "tracking-database-read-only"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_database_is_used_whole_or_refused(made, tmp_path, data):
    content = bytearray((made / "mlflow.db").read_bytes())
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(1, len(content) - 1), "size") :]
    else:
        first = data.draw(st.integers(0, len(content) - 1), "first")
        size = data.draw(st.integers(1, 5000), "size")
        content[first : first + size] = data.draw(st.randoms(use_true_random=False)).randbytes(
            len(content[first : first + size])
        )
    database = tmp_path / "mlflow.db"
    database.write_bytes(content)
    try:
        prepare(database, tmp_path / "mlartifacts", {})
    except UserError as error:
        assert error.code.startswith("tracking-database-")


@pytest.mark.parametrize("act", [shutil.copytree, shutil.move])
@pytest.mark.parametrize("name", ["another place", "50 % of it", "ort-ä"])
def test_a_moved_or_copied_project_keeps_its_files_together(made, tmp_path, act, name):
    old = shutil.copytree(made, tmp_path / "old")
    client = open_project(old)
    earlier = client.search_runs(["1"])[0].info.run_id
    assert client.get_run(earlier).info.artifact_uri.startswith((old / "mlartifacts").as_uri())
    new = tmp_path / name
    act(old, new)
    client = open_project(new)
    later = record(client, "second")
    for run in (earlier, later):
        place = new / "mlartifacts" / run / "artifacts"
        assert client.get_run(run).info.artifact_uri == place.as_uri()
        assert (place / "notes.txt").is_file()
    if old.exists():
        assert not (old / "mlartifacts" / later).exists()


def test_runs_whose_files_stayed_behind_are_still_found(made, tmp_path):
    shutil.copy(made / "mlflow.db", tmp_path)
    client = open_project(tmp_path)
    run = client.search_runs(["1"])[0]
    assert run.info.artifact_uri.startswith((made / "mlartifacts").as_uri())
    later = record(client, "second")
    assert (tmp_path / "mlartifacts" / later).is_dir()


def test_runs_whose_process_was_killed_are_no_longer_running(project):
    client = open_project(project)
    machine, number, start = own_process().rsplit(" ", 2)
    processes = {
        "own": own_process(),
        "number used again": f"{machine} {number} {int(start) - 100}",
        "ended": f"{machine} {2**22 + 1} {start}",
        "on another machine": f"{machine}.elsewhere {2**22 + 1} {start}",
    }
    runs = {}
    for name, process in processes.items():
        runs[name] = client.create_run("1", tags={PROCESS: process}).info.run_id
    client.log_metric(runs["ended"], "psnr", 30.0, timestamp=123)
    runs["without a process"] = client.create_run("1").info.run_id
    open_project(project)
    found = {name: client.get_run(run).info for name, run in runs.items()}
    killed = {name for name, info in found.items() if info.status == "KILLED"}
    assert killed == {"number used again", "ended"}
    assert {info.status for info in found.values()} == {"KILLED", "RUNNING"}
    assert found["ended"].end_time == 123
    again = found["number used again"]
    assert again.end_time == again.start_time


@pytest.fixture
def tracked(project):
    """The active experiment of a project."""
    before = mlflow.get_tracking_uri()
    client = open_project(project)
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    mlflow.set_experiment(NAME)
    yield client
    mlflow.set_tracking_uri(before)


def test_runs_are_tagged_with_their_process(tracked, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", '{"cluster": "a"}')
    tag_runs()
    with mlflow.start_run() as run:
        assert run.data.tags.items() >= {PROCESS: own_process(), "cluster": "a"}.items()


def test_a_program_that_ends_within_a_run_leaves_it_killed(tracked, monkeypatch):
    atexit = SimpleNamespace(register=(registered := []).append, unregister=registered.remove)
    monkeypatch.setattr("sen2naip_sr.tracking.killed.atexit", atexit)
    with killed_at_exit():
        runs = [mlflow.start_run().info.run_id, mlflow.start_run(nested=True).info.run_id]
        (at_exit,) = registered
        at_exit()
    assert not registered
    assert {tracked.get_run(run).info.status for run in runs} == {"KILLED"}
