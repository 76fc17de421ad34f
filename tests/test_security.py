"""Files of a project folder are data: none of them runs code when it is read."""

import ast
import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.provenance import git_commit
from sen2naip_sr.training.checkpoint import load_checkpoint, saved_progress

ROOT = Path(__file__).parents[1]
TREES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for path in sorted((ROOT / "src").rglob("*.py"))
}
RUNS_CODE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "_pickle"}


def calls(tree, owner, name):
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    ]


def test_torch_loads_weights_only():
    found = [call for tree in TREES.values() for call in calls(tree, "torch", "load")]
    assert found
    for call in found:
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        assert options["weights_only"].value is True


def test_arrays_hold_no_objects():
    for tree in TREES.values():
        for call in calls(tree, "np", "load"):
            assert "allow_pickle" not in {keyword.arg for keyword in call.keywords}


@pytest.mark.parametrize("path", TREES, ids=str)
def test_no_module_imports_what_runs_code_on_reading(path):
    for node in ast.walk(TREES[path]):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not {name.partition(".")[0] for name in names} & RUNS_CODE
        evaluated = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        assert not (evaluated and node.func.id in ("eval", "exec"))


def test_the_catalogue_has_no_pickles():
    for path in sorted((ROOT / "conf").rglob("catalog*.yml")):
        for name, entry in (yaml.safe_load(path.read_text()) or {}).items():
            kind = str(entry.get("type", "")) if isinstance(entry, dict) else ""
            assert "pickle" not in kind.lower(), name


class Touch:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_checkpoint_runs_nothing_and_training_restarts(tmp_path, caplog):
    made, path = tmp_path / "made", tmp_path / "checkpoint.pt"
    torch.save({"step": Touch(made), "elapsed": 1.0, "fingerprint": {}}, path)
    assert load_checkpoint(path, {}) is None
    assert saved_progress(path) == (0, 0.0)
    assert "restarts" in caplog.text
    path.write_bytes(pickle.dumps(Touch(made)))
    assert load_checkpoint(path, {}) is None
    assert saved_progress(path) == (0, 0.0)
    assert not made.exists()


def test_a_hostile_chip_store_runs_nothing(tmp_path):
    made = tmp_path / "made"
    np.save(tmp_path / "00000.npy", np.array([Touch(made)], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"object|pickle|Python"):
        ShardedArray.open([tmp_path / "00000.npy"])
    assert not made.exists()


def test_a_hostile_git_folder_runs_nothing(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    git("init")
    (tmp_path / "a").write_text("a")
    git("add", "a")
    git("commit", "-m", "a")
    script = tmp_path / "monitor.sh"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/made\n")
    script.chmod(0o755)
    git("config", "core.fsmonitor", str(script))
    assert git_commit(tmp_path)
    assert not (tmp_path / "made").exists()
