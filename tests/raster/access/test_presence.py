import struct

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.scene import open_scene

few = settings(deadline=None, max_examples=25)
PROFILE = {"driver": "GTiff", "count": 4, "dtype": "uint8", "crs": "EPSG:32633"}


def opens(path):
    try:
        with open_scene(path) as scene:
            scene.read(0, 0, 8, 8)
    except UserError as error:
        assert error.code == "file-empty"
        assert "promises" in error.problem
        return False
    return True


@few
@given(
    side=st.integers(3_000, 30_000),
    block=st.sampled_from([64, 256, 512]),
    compress=st.sampled_from([None, "deflate", "zstd"]),
    nodata=st.sampled_from([None, 0]),
)
def test_promises_that_a_file_does_not_keep_are_refused(
    side, block, compress, nodata, tmp_path_factory
):
    path = tmp_path_factory.mktemp("sparse") / "a.tif"
    options = {"tiled": True, "blockxsize": block, "blockysize": block, "SPARSE_OK": True}
    options |= {"compress": compress} if compress else {}
    with rasterio.open(
        path, "w", height=side, width=side, nodata=nodata, BIGTIFF="YES", **PROFILE, **options
    ):
        pass
    # a directory of blocks that is a thousandth of the pixels is no small promise
    small = 4 * side**2 < 1000 * path.stat().st_size
    assert opens(path) == (nodata is not None or small)


@few
@given(colour=st.integers(0, 255), compress=st.sampled_from(["deflate", "lzw", "packbits", None]))
def test_complete_files_of_one_colour_are_read(colour, compress, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "a.tif"
    options = {"compress": compress} if compress else {}
    with rasterio.open(path, "w", height=700, width=800, **PROFILE, **options) as target:
        target.write(np.full((4, 700, 800), colour, np.uint8))
    assert opens(path)


@pytest.mark.parametrize("rows", [40_000, 65_000])
def test_a_header_that_says_more_rows_is_refused(rows, tmp_path):
    path = tmp_path / "a.tif"
    with rasterio.open(path, "w", height=32, width=32, **PROFILE) as target:
        target.write(np.random.default_rng(0).integers(0, 255, (4, 32, 32)).astype(np.uint8))
    data = bytearray(path.read_bytes())
    first = struct.unpack("<I", data[4:8])[0]
    for entry in range(
        first + 2, first + 2 + 12 * struct.unpack("<H", data[first : first + 2])[0], 12
    ):
        if struct.unpack("<H", data[entry : entry + 2])[0] == 257:  # ImageLength
            data[entry + 8 : entry + 10] = struct.pack("<H", rows)
    path.write_bytes(data)
    assert not opens(path)
