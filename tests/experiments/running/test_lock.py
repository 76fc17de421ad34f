"""Two runs do not train in one folder."""

import subprocess
import sys

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.lock import locked

HOLD = (
    "import sys\n"
    "from pathlib import Path\n"
    "from sen2naip_sr.experiments.running.lock import locked\n"
    "with locked(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def other(tmp_path):
    """A process that holds a folder."""
    command = [sys.executable, "-c", HOLD, tmp_path / "one"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_a_second_process_is_refused(tmp_path, other):
    with pytest.raises(UserError, match="one: another run is working"), locked(tmp_path / "one"):
        pass
    with locked(tmp_path / "other"):
        pass


def test_a_killed_process_holds_nothing(tmp_path, other):
    other.kill()
    other.wait()
    with locked(tmp_path / "one"):
        with pytest.raises(UserError, match="another run"), locked(tmp_path / "one"):
            pass


def test_a_run_within_a_run_has_its_own_folder(tmp_path):
    with locked(tmp_path), locked(tmp_path / "inner"):
        with pytest.raises(UserError, match="another run"), locked(tmp_path):
            pass
    with locked(tmp_path):
        pass
