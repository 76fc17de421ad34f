"""Scores of networks: the shipped ones, the demo's, and one after ten minutes on real NAIP."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

OWN = "--params=evaluation.shipped=false"
"""Parameters that score only networks trained here."""

VARIED = ("default", "best")
"""Shipped weights that were trained on varied imagery."""

COARSE = 4
"""Chips of 0.6 m become 2.4 m, near SEN2NAIP's 2.5 m."""


def measure_shipped(root: Path, data: Path) -> dict[str, Any]:
    """Score the shipped weights at the chips' own pixel size and at a larger one."""
    with tempfile.TemporaryDirectory() as scratch:
        project = fresh_project(root, Path(scratch))
        evaluate = ("run", "--env=naip", "--pipelines=evaluate")
        kedro(project, *evaluate, f"--params=ingestion.path={data}")
        for figure in ("comparison", "gallery"):
            picture = project / f"data/08_reporting/{figure}.png"
            shutil.copy(picture, root / f"docs/images/{figure}.png")
        result = {"native": _scores(project)}
        kedro(project, *evaluate, f"--params=ingestion.path={data},ingestion.reduce={COARSE}")
        return result | {"coarse": _scores(project)}


def measure_varied(root: Path, data: Path) -> dict[str, Any]:
    """Score the weights of varied imagery on the same chips, at both pixel sizes."""
    files = {name: root / f"src/sen2naip_sr/weights/{name}.safetensors" for name in VARIED}
    given = [f"evaluation.weights.{name}={file}" for name, file in files.items()]
    given += [f"ingestion.path={data}", "evaluation.networks=[lean]"]
    result = {}
    with tempfile.TemporaryDirectory() as scratch:
        project = fresh_project(root, Path(scratch))
        for name, factor in (("native", 1), ("coarse", COARSE)):
            reduced = ",".join([*given, f"ingestion.reduce={factor}"])
            kedro(project, "run", "--env=naip", "--pipelines=evaluate", f"--params={reduced}")
            result[name] = _scores(project)
    return result


def measure_demo(root: Path, data: Path | None) -> dict[str, Any]:
    """Train on the embedded sample; score on its test chips and, if given, on real NAIP."""
    with tempfile.TemporaryDirectory() as scratch:
        project = fresh_project(root, Path(scratch))
        start = time.perf_counter()
        kedro(project, "run", OWN)
        result = {"seconds": round(time.perf_counter() - start), "sample": _scores(project)}
        if data:
            kedro(
                project,
                "run",
                "--env=naip",
                "--pipelines=evaluate",
                f"{OWN},ingestion.path={data}",
            )
            result["naip"] = _scores(project)
    return result


def measure_naip(root: Path, data: Path) -> dict[str, Any]:
    """Train CARN for ten minutes on NAIP and score it on the test places."""
    with tempfile.TemporaryDirectory() as scratch:
        project = fresh_project(root, Path(scratch))
        arguments = ("--env=naip", "--pipelines=train_carn,evaluate")
        kedro(project, "run", *arguments, f"{OWN},ingestion.path={data}")
        return _scores(project)


def fresh_project(root: Path, scratch: Path) -> Path:
    """Return a project folder without data or runs, so that no data of the user are replaced."""
    for name in ("conf", "src"):
        shutil.copytree(root / name, scratch / name)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(root / name, scratch / name)
    return scratch


def kedro(project: Path, *arguments: str) -> None:
    """Run Kedro in a project."""
    command = [Path(sys.executable).with_name("kedro"), *arguments]
    subprocess.run(command, cwd=project, check=True)


def _scores(project: Path) -> dict[str, Any]:
    reporting = project / "data/08_reporting"
    tables = {
        name: pd.read_csv(reporting / f"{name}.csv", converters={"origin": str})
        for name in ("comparison", "places")
    }
    return {name: table.round(4).to_dict("records") for name, table in tables.items()}
