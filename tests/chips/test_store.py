import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sen2naip_sr.chips.store import fingerprint_of, read_store, require_store, write_store
from sen2naip_sr.errors import UserError

SHAPE = (2, 4, 4)


def fill(folder, fingerprint="made", *, count=5, value=1, dtype="uint8", shard_chips=2):
    with write_store(folder, fingerprint, SHAPE, np.dtype(dtype), shard_chips) as writer:
        for number in range(count):
            writer.append(np.full(SHAPE, value + number, dtype))
        writer.tables = {"index": pd.DataFrame({"chip": range(count)})}
        writer.attributes = {"bands": ["red"]}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_store_is_read_as_it_was_written(tmp_path, dtype):
    fill(tmp_path / "hr", dtype=dtype)
    store = require_store(tmp_path / "hr")
    assert store.chips.shape == (5, *SHAPE)
    assert store.chips.dtype == store.manifest.dtype == dtype
    assert [int(chip.max()) for chip in store.chips] == [1, 2, 3, 4, 5]
    assert store.table("index")["chip"].tolist() == [0, 1, 2, 3, 4]
    assert store.attributes == {"bands": ["red"]}
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]


def test_a_store_made_from_something_else_counts_as_missing(tmp_path):
    fill(tmp_path / "hr", "made")
    assert read_store(tmp_path / "hr", "made") is not None
    assert read_store(tmp_path / "hr", "other") is None


def test_writing_replaces_the_old_store(tmp_path):
    fill(tmp_path / "hr", count=5)
    fill(tmp_path / "hr", count=1, value=9)
    assert [int(chip.max()) for chip in require_store(tmp_path / "hr").chips] == [9]
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]


@pytest.mark.parametrize("name", ["chips_00001.npy", "index.parquet", "manifest.json"])
def test_a_store_that_lacks_a_file_is_not_there(tmp_path, name):
    fill(tmp_path / "hr")
    (tmp_path / "hr" / name).unlink()
    with pytest.raises(UserError, match="no complete chip store"):
        require_store(tmp_path / "hr")


@pytest.mark.parametrize("name", ["chips_00000.npy", "manifest.json"])
def test_a_store_with_a_cut_off_file_is_not_there(tmp_path, name):
    fill(tmp_path / "hr")
    path = tmp_path / "hr" / name
    os.truncate(path, path.stat().st_size - 100)
    assert read_store(tmp_path / "hr") is None


def test_a_full_disk_leaves_the_old_store_and_nothing_else(tmp_path, monkeypatch):
    fill(tmp_path / "hr")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="No space left") as caught:
        fill(tmp_path / "hr", "other")
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]
    assert read_store(tmp_path / "hr", "made") is not None


def test_a_store_that_cannot_be_moved_into_place_leaves_the_old_one(tmp_path, monkeypatch):
    fill(tmp_path / "hr")
    rename = type(tmp_path).rename

    def refuse_new(path, target):
        if "partial" in path.name and path.suffix != ".old":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(type(tmp_path), "rename", refuse_new)
    with pytest.raises(UserError, match="Permission denied"):
        fill(tmp_path / "hr", "other")
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]
    assert read_store(tmp_path / "hr", "made") is not None


HANG = """
import sys, time
import numpy as np
from pathlib import Path
from sen2naip_sr.chips.store import write_store
with write_store(Path(sys.argv[1]), "killed", (2, 4, 4), np.dtype("uint8")) as writer:
    writer.append(np.ones((2, 4, 4), "uint8"))
    print("writing", flush=True)
    time.sleep(60)
"""


def test_a_killed_run_leaves_the_old_store_and_the_next_run_cleans_up(tmp_path):
    fill(tmp_path / "hr")
    with subprocess.Popen(
        [sys.executable, "-c", HANG, str(tmp_path / "hr")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"writing\n"
        leftover = tmp_path / f".hr.partial-{process.pid}"
        fill(tmp_path / "hr", "meanwhile")
        assert leftover.is_dir(), "a run that is still writing keeps its folder"
        process.send_signal(signal.SIGKILL)
    assert leftover.is_dir()
    assert read_store(tmp_path / "hr", "meanwhile") is not None
    fill(tmp_path / "hr", "next")
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]


def test_leftovers_of_the_same_process_number_are_no_obstacle(tmp_path):
    (tmp_path / f".hr.partial-{os.getpid()}").mkdir()
    (tmp_path / f".hr.partial-{os.getpid()}.old").mkdir()
    fill(tmp_path / "hr")
    assert [path.name for path in tmp_path.iterdir()] == ["hr"]


def test_fingerprints_tell_parts_apart_whatever_the_order_of_keys():
    one = fingerprint_of("a", {"x": 1, "y": 2})
    assert one == fingerprint_of("a", {"y": 2, "x": 1})
    assert one != fingerprint_of("a", {"x": 1, "y": 3})
    assert fingerprint_of("ab", "c") != fingerprint_of("a", "bc")
