"""A loss, a metric, a source and a network are added by one file each.

The files below ``tests/adding`` go to the same places of a copy of the package. Nothing else in the
copy changes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sen2naip_sr

PACKAGE = Path(sen2naip_sr.__file__).parent
ADDED = Path(__file__).parent / "adding"
FILES = sorted(path.relative_to(ADDED) for path in ADDED.glob("*/**/*.py"))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("added")
    package = folder / "src" / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))
    for file in FILES:
        assert not (package / file).exists()
        shutil.copy(ADDED / file, package / file)
    command = [sys.executable, str(ADDED / "run_added.py"), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(package.parent)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_one_file_each():
    assert [file.parent.as_posix() for file in FILES] == [
        "metrics",
        "models/networks",
        "sources",
        "training/losses",
    ]


def test_the_source_is_ingested(found):
    assert found["source"] == "noise"
    assert found["chips"] == 6


def test_the_network_is_trained_with_the_loss(found):
    assert found["architecture"] == {"reach": 2}
    assert {"loss", "loss_huber", "loss_l1"} <= set(found["logged"])
    assert {"train_pixel", "calibrate_pixel"} == set(found["pipelines"])


def test_the_metric_is_computed(found):
    assert found["bias"]
