"""The commands that are killed: their inputs, how they are started, what they must leave."""

import hashlib
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from affine import Affine

from benchmarks.made_granule import NAME, write

ROOT = Path(__file__).parents[2]
LONGEST = 600.0
"""Seconds that a command may take before it counts as hanging."""
CHANGING = ("mlartifacts", ".viz", "mlflow.db.lock", "__pycache__", "experiments")
"""Folders and files that differ from run to run, or that stay for locking."""
TEMPORARY = (".partial-", "-journal", "checkpoint.pt")
"""Parts of names that no file may have in the end."""

GRANULE_SIDE = 512

Results = dict[str, str]


@dataclass(frozen=True)
class Command:
    """A command in a folder of its own.

    Attributes:
        name: Its name in the counts.
        kedro: Whether it is a Kedro run, else ``sen2naip-sr``.
        arguments: Its arguments.
        results: Returns what an undisturbed run leaves, by name.
    """

    name: str
    kedro: bool
    arguments: tuple[str, ...]
    results: Callable[[Path], Results]


def import_all() -> None:
    """Import what the commands need, so that a started one works at once."""
    for name in (
        "kedro.framework.cli.cli",
        "kedro_mlflow.framework.hooks.mlflow_hook",
        "mlflow.store.tracking.sqlalchemy_store",
        "sen2naip_sr.command",
        "sen2naip_sr.experiments.tuning.search",
        "sen2naip_sr.settings",
        "sen2naip_sr.sources.ingest",
        "sen2naip_sr.training.network",
        "sen2naip_sr.upscaling.batch",
    ):
        import_module(name)


def start(command: Command, folder: Path, log: Path) -> int:
    """Start a command in a process of its own, which is forked, and return its number."""
    number = os.fork()
    if number:
        return number
    os.setsid()
    code = 1
    try:
        with log.open("ab") as stream:
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        os.chdir(folder)
        code = _run(command)
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _run(command: Command) -> int:
    sys.argv = ["kedro" if command.kedro else "sen2naip-sr", *command.arguments]
    try:
        if command.kedro:
            from kedro.framework.cli.cli import main
        else:
            from sen2naip_sr.command import main
        main()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 0


def wait(number: int, seconds: float = LONGEST) -> int | None:
    """Return the exit code of a process; kill it after so many seconds and return None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return None


def make_template(folder: Path) -> Path:
    """Make a project with 6 files of imagery of 4 places, 3 scenes to upscale, and a granule."""
    for name in ("conf", "pyproject.toml", ".telemetry"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    # so that the tiny environment writes to the same place as all others
    (folder / "conf/test/globals.yml").unlink()
    (folder / "src" / "sen2naip_sr").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(8):
        place = folder / "imagery" / f"place{number % 5}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(20, 230, (4, 24, 24))
        pixels = np.kron(coarse, np.ones((1, 8, 8))) + random.integers(-9, 9, (4, 192, 192))
        transform = Affine(2.5, 0, 4e5 + 1e4 * number, 0, -2.5, 4e6)
        options = {"driver": "GTiff", "count": 4, "height": 192, "width": 192, "dtype": "uint8"}
        target = place / f"image{number}.tif"
        with rasterio.open(target, "w", crs="EPSG:32611", transform=transform, **options) as file:
            file.write(pixels.astype("uint8"))
    scenes = folder / "scenes"
    scenes.mkdir()
    for path in sorted(folder.glob("imagery/*/*.tif"))[:3]:
        shutil.copy(path, scenes)
    write(folder, GRANULE_SIDE)
    (folder / "stack.tif").unlink()
    return folder


def files(folder: Path) -> set[str]:
    """Return the names of all files below a folder, without those that differ by nature."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {
        str(name)
        for name in names
        if not set(CHANGING) & set(name.parts) or any(part in str(name) for part in TEMPORARY)
    }


def _hashes(folder: Path, pattern: str) -> Results:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob(pattern))
        if path.is_file() and not path.name.startswith(".")
    }


def _upscaled(folder: Path) -> Results:
    return _hashes(folder, "result/*")


def _ingested(folder: Path) -> Results:
    # a store is used as a whole: one of its files alone would be half of it
    return {
        name: repr(_hashes(folder / "data", f"{name}/**/*"))
        for name in ("02_intermediate/hr", "05_model_input/lr")
        if (folder / "data" / name).exists()
    }


def _trained(folder: Path) -> Results:
    found = _ingested(folder) | _hashes(folder, "data/06_models/lean/weights.safetensors")
    history = folder / "data/06_models/lean/history.csv"
    if history.exists():
        table = pd.read_csv(history).drop(columns=["seconds"], errors="ignore")
        found["history"] = table.to_csv()
    return found


def _tuned(folder: Path) -> Results:
    """Return the trials that have ended. Later draws depend on where a search was interrupted."""
    found = _ingested(folder)
    for study in folder.glob("data/06_models/experiments/tune/**/study.db"):
        try:
            with closing(sqlite3.connect(f"{study.as_uri()}?mode=ro", uri=True)) as connection:
                rows = connection.execute(
                    "SELECT number, state, value FROM trials LEFT JOIN trial_values "
                    "USING (trial_id) WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')"
                ).fetchall()
        except sqlite3.OperationalError:
            continue  # its tables are being made
        found |= {f"trial {number}": f"{state} {value}" for number, state, value in rows}
    return found


def runs_running(folder: Path) -> int:
    """Return how many runs MLflow lists as running."""
    database = folder / "mlflow.db"
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT count(*) FROM runs WHERE status = 'RUNNING'"
        return connection.execute(query).fetchone()[0]


def _kedro(name: str, pipeline: str, results: Callable[[Path], Results], **more: Any) -> Command:
    parameters = {"ingestion.source": "directory", "ingestion.path": "imagery"}
    parameters |= {"ingestion.chip_size": 64, "ingestion.place": "folder", **more}
    given = ",".join(f"{key}={value}" for key, value in parameters.items())
    arguments = ("run", "--env=test", f"--pipelines={pipeline}", f"--params={given}")
    return Command(name, True, arguments, results)


COMMANDS = (
    Command(
        "granule", False, ("upscale", f"{NAME}.SAFE", "-o", "result", "--model", "lean"), _upscaled
    ),
    Command("upscale", False, ("upscale", "scenes", "-o", "result", "--model", "lean"), _upscaled),
    _kedro("ingest", "preprocess", _ingested),
    _kedro("train", "train_lean", _trained),
    _kedro("tune", "tune", _tuned),
)
