import numpy as np
import pytest
import rasterio
from affine import Affine
from conftest import random_pixels
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.geotiff import Raster, read_geotiff, write_geotiff

TRANSFORM = Affine(0.6, 0, 404_961.6, 0, -0.6, 4_400_000.2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 3, 4, 5])
def test_a_raster_survives_writing_and_reading(tmp_path, dtype, bands):
    names = ("red", None, "blue", "near-infrared", "more")[:bands]
    raster = Raster(
        random_pixels(bands, (20, 30), dtype), TRANSFORM, CRS.from_epsg(26911), 3, names
    )
    write_geotiff(tmp_path / "below" / "a.tif", raster)
    again = read_geotiff(tmp_path / "below" / "a.tif")
    np.testing.assert_array_equal(again.pixels, raster.pixels)
    assert again.pixels.dtype == dtype
    assert (again.transform, again.crs, again.nodata) == (TRANSFORM, raster.crs, 3)
    assert again.bands == names
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["a.tif"]


def test_the_fourth_band_is_data_not_transparency(tmp_path):
    write_geotiff(tmp_path / "a.tif", Raster(random_pixels(4, 16), TRANSFORM))
    with rasterio.open(tmp_path / "a.tif") as source:
        assert ColorInterp.alpha not in source.colorinterp


@pytest.mark.filterwarnings("error")
def test_a_raster_without_georeferencing_is_written_and_read_silently(tmp_path, capfd):
    write_geotiff(tmp_path / "a.tif", Raster(random_pixels(4, 16), Affine.identity()))
    again = read_geotiff(tmp_path / "a.tif")
    assert again.crs is None
    assert again.transform == Affine.identity()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("transform", [TRANSFORM, TRANSFORM @ Affine.rotation(20)])
def test_other_pixels_lie_on_the_same_ground(transform):
    raster = Raster(random_pixels(4, (20, 30)), transform)
    finer = raster.rescaled(random_pixels(4, (40, 60)))
    assert finer.transform @ (60, 40) == pytest.approx(transform @ (30, 20))
    assert finer.transform @ (0, 0) == pytest.approx(transform @ (0, 0))


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    write_geotiff(path, Raster(random_pixels(4, 16), TRANSFORM))
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rasterio.io.DatasetWriter, "write", fail)
    with pytest.raises(OSError, match="No space"):
        write_geotiff(path, Raster(random_pixels(4, 16, seed=1), TRANSFORM))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_what_is_no_raster_is_refused(tmp_path):
    (tmp_path / "a.tif").write_text("words")
    with pytest.raises(UserError, match="no raster"):
        read_geotiff(tmp_path / "a.tif")
