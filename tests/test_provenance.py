import subprocess
import sys

import numpy as np
import psutil
import pytest

from sen2naip_sr.provenance import device_name, git_commit, peak_memory_mb


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one commit."""

    def git(*arguments):
        options = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        command = ["git", *options, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)

    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message=first")
    git("tag", "v1")
    return tmp_path, git("rev-parse", "HEAD").stdout.strip()


def test_a_clean_checkout_is_its_commit_and_a_changed_one_is_dirty(checkout):
    folder, commit = checkout
    assert git_commit(folder) == commit
    (folder / "file").write_text("two")
    assert git_commit(folder) == f"{commit}-dirty"


def test_outside_of_a_checkout_or_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) is None


def test_device_has_a_name_and_is_asked_for_without_importing_torch():
    assert device_name().strip()
    code = (
        "import sys; from sen2naip_sr.provenance import device_name; device_name();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_peak_memory_is_in_megabytes_and_does_not_shrink():
    block = np.ones(30_000_000)
    peak = peak_memory_mb()
    resident = psutil.Process().memory_info().rss / 1e6
    assert 240 < 0.99 * resident < peak < 1_000_000
    del block
    assert peak_memory_mb() >= peak
