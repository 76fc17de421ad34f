import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.locations import is_elsewhere, locate

NAMES = st.text(
    st.characters(exclude_characters="/\0\n", exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(lambda name: name not in (".", "..", "-"))


@given(NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_that_exists_is_itself_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    location = locate(path)
    assert location.plain
    assert location.file == path
    path.unlink()


@pytest.mark.parametrize(
    ("given", "name", "stem"),
    [
        ("https://a.org/b/c.tif?x=1", "/vsicurl/https://a.org/b/c.tif?x=1", "c"),
        ("s3://bucket/key/c.tif", "/vsis3/bucket/key/c.tif", "c"),
        ("gs://bucket/c.tif", "/vsigs/bucket/c.tif", "c"),
        ("/vsicurl/http://a.org/c.tif", "/vsicurl/http://a.org/c.tif", "c"),
        ("/vsis3/bucket/c.tif", "/vsis3/bucket/c.tif", "c"),
        ("zip+https://a.org/b.zip!in/c.tif", "/vsizip/vsicurl/https://a.org/b.zip/in/c.tif", "c"),
        (
            "/vsizip//vsicurl/http://a.org/b.zip/c.tif",
            "/vsizip//vsicurl/http://a.org/b.zip/c.tif",
            "c",
        ),
    ],
)
def test_what_lies_on_a_server_has_no_file(given, name, stem):
    location = locate(given)
    assert (location.name, location.stem, location.file) == (name, stem, None)
    assert is_elsewhere(given)


@pytest.mark.parametrize("text", ["/vsizip/{}/in/c.tif", "zip://{}!in/c.tif"])
def test_a_member_of_an_archive_lies_in_its_file(tmp_path, text):
    archive = tmp_path / "b.zip"
    archive.write_bytes(b"PK")
    location = locate(text.format(archive))
    assert (location.file, location.plain, location.stem) == (archive, False, "c")


def test_a_part_lies_in_its_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.tif").write_bytes(b"x")
    assert locate("GTIFF_DIR:2:a.tif").part == "GTiff"
    assert locate(f'GPKG:"{tmp_path}/a.tif":table').part == "GPKG"
    assert locate("GTIFF_DIR:2:a.tif").stem == "a_2"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-", "source-is-stream"),
        ("/vsistdin/", "source-is-stream"),
        ("/dev/stdin", "source-is-stream"),
        ("", "no-scene"),
        ("a\nb", "no-scene"),
        ("no.tif", "file-missing"),
        ("no/such/folder/a.tif", "file-missing"),
        ("/vsizip/no.zip/a.tif", "file-missing"),
        ("GTIFF_DIR:1:no.tif", "file-missing"),
        ("/vsimem/a.tif", "location-refused"),
        ("/vsisparse/a.xml", "location-refused"),
        ("/vsizip//vsimem/a.zip/b.tif", "location-refused"),
        ("ldap://a/b.tif", "location-refused"),
        ("WMS:http://a.org", "file-missing"),
        ("WCS:http://a.org/?x", "file-missing"),
        ("<VRTDataset/>", "file-missing"),
        ("PG:host=a dbname=b", "file-missing"),
        (".", "raster-is-folder"),
        ("x" * 400 + ".tif", "file-forbidden"),
    ],
)
def test_what_is_no_raster_is_refused_by_name(tmp_path, monkeypatch, text, code):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        locate(text)
    assert error.value.code == code
    assert error.value.remedy


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_pipes_and_devices_are_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / "a.tif")
    with pytest.raises(UserError, match="pipe or a device"):
        locate(tmp_path / "a.tif")
