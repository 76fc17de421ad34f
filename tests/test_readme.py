"""Commands, parameters and Python of README.md and docs/training.md work."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TRAINING = (ROOT / "docs/training.md").read_text()
COMMANDS = sorted(
    {
        found.split("  #")[0].strip()  # without the comment behind it
        for found in re.findall(r"(?<![\w/])kedro (?:run|viz|mlflow)[^`\n]*", README + TRAINING)
    }
)
UPSCALING = (ROOT / "docs/upscaling.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README + UPSCALING, flags=re.S)
INTERACTIVE = {"kedro viz run", "kedro mlflow ui"}
# they need data or runs that are not there, or the network; they have tests of their own
NEEDING_DATA = re.compile(r"FOLDER|runs=RUN|evaluate_test_sets|--env=(sen2naip|naip)")


@pytest.fixture(scope="module")
def project(finished_project, tmp_path_factory):
    """A copy of the finished project that the README's commands may change."""
    return shutil.copytree(finished_project, tmp_path_factory.mktemp("readme") / "project")


def test_the_commands_that_matter_are_named():
    for pipeline in ("train_carn", "evaluate", "preprocess"):
        assert any(f"--pipelines={pipeline}" in command for command in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("kedro run --p")])
def test_run_commands_run(command, project, kedro):
    if NEEDING_DATA.search(command):
        pytest.skip("needs imagery or runs that are not part of the project")
    arguments = re.sub(r"steps=\d+", "steps=4", command).split()[1:]
    completed = kedro(project, *arguments)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize("command", sorted(INTERACTIVE))
def test_interactive_commands_exist(command, finished_project, kedro):
    assert command in COMMANDS
    completed = kedro(finished_project, *command.split()[1:], "--help")
    assert completed.returncode == 0, completed.stderr


def test_own_imagery_command_runs(finished_project, kedro, make_geotiff, tmp_path, copy_project):
    command = next(c for c in COMMANDS if "ingestion.path=FOLDER" in c and "source=dir" in c)
    images = tmp_path / "images"
    for place in range(5):
        make_geotiff(images / str(place) / "a.tif", size=64, seed=place, crs=None)
    project = copy_project(tmp_path / "project")
    completed = kedro(project, *command.replace("FOLDER", str(images)).split()[1:])
    assert completed.returncode == 0, completed.stderr


def test_named_parameters_exist():
    from sen2naip_sr.pipelines.parameters import PARAMETERS

    named = re.findall(r"^\| `((?:\w+\.)+\w+)`", TRAINING, flags=re.M)
    assert len(named) > 5
    for name in named:
        top, *path = name.split(".")
        if "architecture" in path:
            continue
        fields = PARAMETERS[top].model_fields
        for part in path[:-1]:
            fields = fields[part].annotation.model_fields
        assert path[-1] in fields, name


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_python_runs(snippet, make_geotiff, tmp_path, monkeypatch):
    make_geotiff(tmp_path / "scene.tif", size=32)
    monkeypatch.chdir(tmp_path)
    names = {"array": np.random.default_rng(0).integers(0, 255, (4, 24, 32), dtype=np.uint8)}
    exec(snippet, names)
    assert names["big"].shape == (4, 48, 64)
    assert (tmp_path / "scene_x2.tif").exists()


def test_the_first_command_upscales(make_geotiff, tmp_path):
    command = re.search(r"^sen2naip-sr upscale scene.tif", README, flags=re.M)[0].split()
    make_geotiff(tmp_path / "scene.tif", size=32)
    program = Path(sys.executable).with_name(command[0])
    subprocess.run([program, *command[1:]], cwd=tmp_path, check=True)
    assert (tmp_path / "scene_x2.tif").exists()
