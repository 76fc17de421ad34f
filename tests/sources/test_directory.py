import logging
import os

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.sources.directory import DirectorySource


def touch(path, content=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(folder):
    return [file.name for file in DirectorySource(folder).files()]


def test_geotiffs_are_found_however_deep_in_a_stable_order(tmp_path):
    for name in ("b/2.TIF", "a/deep/1.tiff", "z.tif", "a/10.tif"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a/10.tif", "a/deep/1.tiff", "b/2.TIF", "z.tif"]


def test_other_and_hidden_files_are_left_out(tmp_path):
    for name in ("a.tif", "a.tif.aux.xml", "b.png", ".c.tif", ".hidden/d.tif", "e.tif/f.txt"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.tif"]


def test_the_hash_is_of_the_content(tmp_path):
    touch(tmp_path / "a.tif", b"abc")
    (file,) = DirectorySource(tmp_path).files()
    assert file.sha256() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def change_size(path):
    path.write_bytes(b"longer")


def change_time(path):
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [change_size, change_time, os.remove])
def test_the_fingerprint_changes_with_the_files(tmp_path, change):
    touch(tmp_path / "a.tif")
    path = touch(tmp_path / "b.tif")
    before = DirectorySource(tmp_path).fingerprint()
    assert DirectorySource(tmp_path).fingerprint() == before
    change(path)
    assert DirectorySource(tmp_path).fingerprint() != before


def test_a_file_that_vanishes_after_listing_stops_nothing(tmp_path):
    path = touch(tmp_path / "a.tif")
    source = DirectorySource(tmp_path)
    source.files()
    path.unlink()
    assert source.fingerprint()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "source-missing"),
        (touch, "source-is-no-folder"),
        (lambda path: touch(path / "readme.txt"), "source-empty"),
    ],
)
def test_a_useless_path_is_named_with_reason_and_remedy(tmp_path, make, code):
    make(tmp_path / "raw")
    with pytest.raises(UserError) as caught:
        DirectorySource(tmp_path / "raw").files()
    assert str(tmp_path / "raw") in caught.value.problem
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_found(
    tmp_path, monkeypatch, caplog
):
    for name in ("a/1.tif", "b/2.tif"):
        touch(tmp_path / name)
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with caplog.at_level(logging.WARNING):
        assert names(tmp_path) == ["a/1.tif"]
    assert str(tmp_path / "b") in caplog.text
    assert "Permission denied" in caplog.text
