import hashlib
import os
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import RasterioIOError
from sen2naip_stand_in import build_zip, geotiff, pixels

from sen2naip_sr.errors import UserError
from sen2naip_sr.sources.archive import Archive, ZipMember, open_archive


def member_name(roi):
    return f"cross-sensor/ROI_{roi:04d}/hr.tif"


@pytest.fixture
def archive_path(tmp_path):
    return build_zip(tmp_path / "images.zip", [0, 1, 2])


def flip_data_of(path, name):
    """Invert some bytes in the middle of a member's data."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
    content = bytearray(path.read_bytes())
    middle = info.header_offset + 30 + len(name) + info.compress_size // 2
    content[middle : middle + 8] = bytes(255 - byte for byte in content[middle : middle + 8])
    path.write_bytes(content)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_opens_as_the_raster_that_was_packed(tmp_path, compression):
    path = build_zip(tmp_path / "images.zip", [7], compression)
    with ZipMember(path, member_name(7)).open() as raster:
        np.testing.assert_array_equal(raster.read(), pixels(7))
        assert raster.crs.to_epsg() == 32611
        assert raster.res == (2.5, 2.5)


def test_the_hash_is_that_of_the_unpacked_file(archive_path):
    expected = hashlib.sha256(geotiff(pixels(1))).hexdigest()
    assert ZipMember(archive_path, member_name(1)).sha256() == expected


def test_many_threads_read_one_zip(tmp_path):
    path = build_zip(tmp_path / "images.zip", list(range(20)))

    def read(roi):
        with ZipMember(path, member_name(roi)).open() as raster:
            return np.array_equal(raster.read(), pixels(roi))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [roi for _ in range(10) for roi in range(20)]))


def test_the_list_of_members_is_read_once(archive_path):
    with ThreadPoolExecutor(4) as pool:
        first = open_archive(archive_path)
        assert all(opened is first for opened in pool.map(open_archive, [archive_path] * 8))


def test_a_replaced_zip_of_the_same_size_is_read_anew(tmp_path):
    path, other = tmp_path / "images.zip", tmp_path / "other.zip"
    build_zip(path, [1], zipfile.ZIP_STORED)
    assert member_name(1) in open_archive(path).names
    build_zip(other, [5], zipfile.ZIP_STORED)
    assert other.stat().st_size == path.stat().st_size
    os.utime(other, ns=(1, 1))
    other.replace(path)
    assert member_name(1) not in open_archive(path).names
    assert member_name(5) in open_archive(path).names


def test_a_forked_process_does_not_share_the_handle(archive_path, monkeypatch):
    parents = open_archive(archive_path)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert open_archive(archive_path) is not parents


def test_members_travel_to_other_processes(archive_path):
    member = ZipMember(archive_path, member_name(2))
    member.sha256()
    assert pickle.loads(pickle.dumps(member)) == member


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_named_and_the_others_still_open(tmp_path, compression):
    path = build_zip(tmp_path / "images.zip", [0, 1, 2], compression)
    flip_data_of(path, member_name(1))
    for act in (ZipMember.sha256, lambda member: member.open().__enter__()):
        with pytest.raises(OSError, match=r"damaged inside images\.zip: ."):
            act(ZipMember(path, member_name(1)))
    for roi in (0, 2):
        with ZipMember(path, member_name(roi)).open() as raster:
            np.testing.assert_array_equal(raster.read(), pixels(roi))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_byte_goes_unnoticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("flip") / "images.zip"
    content = bytearray(build_zip(path, [0, 1]).read_bytes())
    # half of the draws hit the list of members at the end, which is short but parsed in full
    low = data.draw(st.sampled_from([0, content.index(b"PK\x01\x02")]))
    at = data.draw(st.integers(low, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        names = set(open_archive(path).names)
    except UserError:
        return
    for roi in {roi for roi in (0, 1) if member_name(roi) in names}:
        try:
            found = ZipMember(path, member_name(roi)).sha256()
        except OSError:
            continue
        assert found == hashlib.sha256(geotiff(pixels(roi))).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        b"something else",
        # a format that can point at any other file
        b'<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand band="1"/></VRTDataset>',
    ],
)
def test_a_member_that_is_no_geotiff_is_a_raster_error(tmp_path, content):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hr.tif", content)
    with pytest.raises(RasterioIOError), ZipMember(path, "hr.tif").open():
        pass


def test_an_empty_member_is_said_to_be_empty(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hr.tif", b"")
    with pytest.raises(OSError, match="empty"), ZipMember(path, "hr.tif").open():
        pass


def test_an_encrypted_member_cannot_be_read(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hr.tif", b"secret")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match="encrypted"):
        ZipMember(path, "hr.tif").sha256()


def test_a_member_that_is_not_there_cannot_be_read(archive_path):
    with pytest.raises(OSError, match="ROI_0009"):
        Archive(archive_path).read(member_name(9))


def test_a_missing_zip(tmp_path):
    with pytest.raises(UserError, match="no such file") as caught:
        open_archive(tmp_path / "nowhere.zip")
    assert "nowhere.zip" in caught.value.problem
    assert caught.value.code == "source-missing"


def test_a_folder_instead_of_a_zip(tmp_path):
    with pytest.raises(UserError, match="a folder, not a zip") as caught:
        open_archive(tmp_path)
    assert caught.value.code == "source-is-folder"


@pytest.mark.parametrize("kept", [0.3, 0.8, 0.99])
def test_a_truncated_zip_is_called_incomplete(archive_path, kept):
    content = archive_path.read_bytes()
    archive_path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match="incomplete zip") as caught:
        open_archive(archive_path)
    assert "again" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_something_else_than_a_zip(tmp_path, content):
    path = tmp_path / "images.zip"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a zip"):
        open_archive(path)
