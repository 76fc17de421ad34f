import os

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import replacing, write_atomically


def test_a_file_and_its_folder_are_made(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["file", "file.npy", "file.safetensors"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"), replacing(path) as hidden:
        assert hidden.name.endswith(path.suffix)
        hidden.write_bytes(b"half of the n")
        raise OSError("disk full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "store"
    path.mkdir()
    (path / "old").touch()
    with replacing(path) as hidden:
        hidden.mkdir()
        (hidden / "new").touch()
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_sidecars_of_the_old_file_go_and_those_of_the_new_one_come(tmp_path):
    path = tmp_path / "scene.tif"
    for ending in ("", ".msk", ".ovr"):
        path.with_name(path.name + ending).write_text("old")
    with replacing(path) as hidden:
        hidden.write_text("new")
        hidden.with_name(f"{hidden.name}.msk").write_text("new")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {
        "scene.tif": "new",
        "scene.tif.msk": "new",
    }


def test_temporary_files_of_dead_processes_are_removed_and_others_stay(tmp_path):
    path = tmp_path / "a.tif"
    dead = 2**22 + 1
    for process in (dead, os.getpid()):
        (tmp_path / f".a.tif.partial-{process}").mkdir()
        (tmp_path / f".a.tif.partial-{process}.tif.ovr").touch()
    kept = [f".a.tif.partial-{os.getppid()}.tif", f".b.tif.partial-{dead}.tif"]
    for name in kept:
        (tmp_path / name).touch()
    write_atomically(path, b"")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*kept, "a.tif"])


def test_an_error_at_the_end_is_explained(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(UserError) as error:
        write_atomically(path, b"")
    assert error.value.code == "write-failed"
    assert list(tmp_path.iterdir()) == [path]
