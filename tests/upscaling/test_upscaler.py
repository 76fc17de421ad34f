"""One scene upscaled to files: what is carried over, what is said, what is refused."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from tiny_weights import write_calibration, write_weights

from sen2naip_sr import __version__
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import backends
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.files import load_weights
from sen2naip_sr.weights.finding import find_weights


@pytest.fixture
def weights(tmp_path):
    return write_weights(tmp_path / "weights.safetensors")


@pytest.fixture
def job(tmp_path, make_geotiff):
    source = make_geotiff(tmp_path / "scene.tif", size=(40, 51), descriptions=["r", "g", "b", "n"])
    return Job(source, tmp_path / "out" / "scene_x2.tif")


def upscale(job, weights, *, overwrite=False, **options):
    upscaler = Upscaler(make_options(weights=weights, tile=16, device="cpu", **options))
    return upscale_file(upscaler, job, overwrite=overwrite)


def read(path):
    with rasterio.open(path) as source:
        return source.read()


def test_writes_the_scene_twice_as_large_on_the_same_ground(job, weights):
    result = upscale(job, weights)
    with rasterio.open(job.source) as before, rasterio.open(job.target) as after:
        assert after.shape == (80, 102)
        np.testing.assert_allclose(after.bounds, before.bounds, rtol=0, atol=1e-7)
        assert after.crs == before.crs
        assert after.descriptions == before.descriptions
        assert after.res == (before.res[0] / 2, before.res[1] / 2)
        np.testing.assert_allclose(result.bounds, after.bounds)
    assert (result.height, result.width) == (80, 102)
    np.testing.assert_allclose(result.pixel, (0.3, 0.3))
    assert result.crs == "EPSG:26911"
    assert result.seconds >= result.statistics.seconds > 0


def test_tags_say_how_it_was_made(job, weights):
    upscale(job, weights, consistency=True, value_range="0:200")
    with rasterio.open(job.target) as target:
        tags = target.tags()
    assert tags["SEN2NAIP_SR_VERSION"] == __version__
    assert tags["SEN2NAIP_SR_MODEL"] == "lean"
    assert tags["SEN2NAIP_SR_WEIGHTS"] == load_weights(weights).label
    assert tags["SEN2NAIP_SR_RANGE"] == "0:200"
    assert tags["SEN2NAIP_SR_CONSISTENCY"] == "on"
    assert tags["SEN2NAIP_SR_ENSEMBLE"] == "off"


def test_bands_are_picked_and_ordered(job, weights):
    upscale(job, weights)
    straight = read(job.target)
    picked = Job(job.source, job.target.with_name("picked.tif"))
    upscale(picked, weights, bands=[3, 2, 1, 4])
    with rasterio.open(picked.target) as target:
        assert target.descriptions == ("b", "g", "r", "n")
        assert not np.array_equal(target.read(), straight[[2, 1, 0, 3]])


def test_options_change_the_result(job, weights):
    results = []
    for number, options in enumerate(({}, {"ensemble": True}, {"consistency": True})):
        one = Job(job.source, job.target.with_name(f"{number}.tif"))
        upscale(one, weights, **options)
        results.append(read(one.target))
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_uncertainty_writes_half_widths_beside_the_result(tmp_path, make_geotiff, weights):
    scene = make_geotiff(tmp_path / "scene.tif", size=30, dtype="int16", nodata=-1)
    with rasterio.open(scene, "r+") as target:
        target.scales, target.offsets = (0.5,) * 4, (-10.0,) * 4
    write_calibration(weights)
    job = Job(scene, tmp_path / "scene_x2.tif")
    result = upscale(job, weights, uncertainty=True)
    assert result.intervals
    with rasterio.open(job.interval) as interval, rasterio.open(job.target) as target:
        assert interval.dtypes == ("float32",) * 4
        assert interval.shape == (60, 60)
        assert (interval.read() > 0).all()
        assert interval.tags()["SEN2NAIP_SR_INTERVAL_LEVEL"] == "0.9"
        assert "20 images" in interval.tags()["SEN2NAIP_SR_INTERVAL_CALIBRATION"]
        for tags in (interval.tags(), target.tags()):
            assert "fewer than 64 rows or columns" in tags["SEN2NAIP_SR_INTERVALS"]
        # half-widths have the scene's unit, but are no values of it
        assert interval.scales == target.scales == (0.5,) * 4
        assert (interval.offsets, target.offsets) == ((0.0,) * 4, (-10.0,) * 4)


def test_tiles_have_the_half_widths_of_the_whole(tmp_path, make_geotiff, weights):
    coarse = np.random.default_rng(0).integers(0, 256, (4, 20, 20), dtype=np.uint8)
    scene = make_geotiff(tmp_path / "scene.tif", coarse.repeat(4, 1).repeat(4, 2))
    write_calibration(weights)
    found = []
    for tile in (None, 16, 33):
        job = Job(scene, tmp_path / f"{tile}.tif")
        options = make_options(
            weights=weights, tile=tile, device="cpu", uncertainty=True, consistency=True
        )
        upscale_file(Upscaler(options), job)
        found.append(read(job.interval))
        with rasterio.open(job.interval) as interval:
            assert "scene factor" in interval.tags()["SEN2NAIP_SR_INTERVALS"]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4)


def test_uncertainty_needs_a_calibration_of_these_weights(job, weights, tmp_path):
    with pytest.raises(UserError, match="no calibration of these weights"):
        upscale(job, weights, uncertainty=True)
    write_calibration(weights, label="others")
    with pytest.raises(UserError, match="is the calibration of others"):
        upscale(job, weights, uncertainty=True)
    (tmp_path / "weights.calibration.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read as a calibration"):
        upscale(job, weights, uncertainty=True)


def test_other_bands_than_the_weights_expect_are_refused(job, tmp_path):
    two = write_weights(tmp_path / "two.safetensors", bands=2)
    with pytest.raises(UserError, match=r"4 bands, and the weights lean.* expect 2"):
        upscale(job, two)
    upscale(job, two, bands=[1, 2])
    assert len(read(job.target)) == 2


def test_missing_and_damaged_weights_are_refused(job, tmp_path):
    with pytest.raises(UserError, match="no such weights file"):
        upscale(job, tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="damaged"):
        upscale(job, tmp_path / "bad.safetensors")


def test_every_network_comes_with_weights():
    for name in ("lean", "carn", "carn_m", "unet", "gan"):
        assert find_weights(name, None).shipped


def test_a_file_that_is_there_stays_without_overwrite(job, weights):
    job.target.parent.mkdir()
    job.target.write_bytes(b"precious")
    with pytest.raises(UserError, match="exists already"):
        upscale(job, weights)
    assert job.target.read_bytes() == b"precious"
    upscale(job, weights, overwrite=True)
    assert read(job.target).shape == (4, 80, 102)


def test_the_output_is_never_the_input(job, weights):
    with pytest.raises(UserError, match="is the input itself"):
        upscale(Job(job.source, job.source), weights, overwrite=True)


def test_a_folder_that_cannot_be_made_is_said(job, weights, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        upscale(Job(job.source, tmp_path / "file" / "x.tif"), weights)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (2, 5)])
def test_small_and_narrow_scenes_of_any_dtype(tmp_path, make_geotiff, weights, dtype, shape):
    scene = make_geotiff(tmp_path / "scene.tif", size=shape, dtype=dtype)
    write_calibration(weights)
    job = Job(scene, tmp_path / "x2.tif")
    upscale(job, weights, consistency=True, uncertainty=True)
    assert read(job.target).shape == (4, 2 * shape[0], 2 * shape[1])
    assert read(job.target).dtype == dtype


def test_a_picture_without_georeferencing_works(tmp_path, make_geotiff, weights):
    scene = make_geotiff(tmp_path / "scene.tif", size=20, crs=None, transform=Affine.identity())
    result = upscale(Job(scene, tmp_path / "x2.tif"), weights)
    assert result.bounds is result.crs is result.placed_by is None


def test_rotated_and_oblong_pixels_are_kept(tmp_path, make_geotiff, weights):
    turned = Affine.translation(500_000, 4e6) @ Affine.rotation(30) @ Affine.scale(2, -3)
    scene = make_geotiff(tmp_path / "scene.tif", size=20, transform=turned)
    result = upscale(Job(scene, tmp_path / "x2.tif"), weights)
    with rasterio.open(tmp_path / "x2.tif") as target:
        assert target.transform.almost_equals(turned @ Affine.scale(0.5), 1e-9)
    np.testing.assert_allclose(result.pixel, (1, 1.5))


def test_all_nodata_costs_no_prediction(tmp_path, make_geotiff, weights):
    scene = make_geotiff(tmp_path / "scene.tif", array=np.full((4, 40, 40), 7, "uint8"), nodata=7)
    write_calibration(weights)
    result = upscale(Job(scene, tmp_path / "x2.tif"), weights, uncertainty=True)
    assert (read(tmp_path / "x2.tif") == 7).all()
    assert (read(tmp_path / "x2_interval.tif") == 7).all()
    assert result.statistics.predicted_tiles == 0


def test_infinity_is_no_data(tmp_path, make_geotiff, weights):
    pixels = np.random.default_rng(0).random((4, 40, 40)).astype("float32")
    pixels[:, 10:12, 10] = np.inf
    scene = make_geotiff(tmp_path / "scene.tif", array=pixels)
    upscale(Job(scene, tmp_path / "x2.tif"), weights)
    result = read(tmp_path / "x2.tif")
    holes = np.zeros(result.shape, bool)
    holes[:, 20:24, 20:22] = True
    np.testing.assert_array_equal(np.isfinite(result), ~holes)


@pytest.mark.parametrize("contrast", [1, 3000])
@pytest.mark.parametrize("conditions", [False, True])
def test_faint_scenes_are_computed_in_float32(
    tmp_path, make_geotiff, monkeypatch, contrast, conditions
):
    precision = "float32" if contrast == 1 else "bfloat16"
    monkeypatch.setattr(backends, "best_precision", lambda kind: "bfloat16")
    weights = write_weights(tmp_path / "weights.safetensors", conditions=conditions)
    noise = np.random.default_rng(0).random((4, 96, 96))
    source = make_geotiff(tmp_path / "scene.tif", (200 + contrast * noise).astype("uint16"))
    job = Job(source, tmp_path / "x2.tif")
    upscale(job, weights, value_range="0:10000")
    upscale(
        Job(source, tmp_path / "exact.tif"), weights, value_range="0:10000", precision="float32"
    )
    with rasterio.open(job.target) as target:
        assert target.tags()["SEN2NAIP_SR_PRECISION"] == precision
    exact = read(tmp_path / "exact.tif")
    assert np.array_equal(read(job.target), exact) is (precision == "float32")


def test_a_precision_that_is_given_holds_for_faint_scenes_too(tmp_path, make_geotiff, weights):
    source = make_geotiff(tmp_path / "scene.tif", np.full((4, 96, 96), 20, "uint16"))
    job = Job(source, tmp_path / "x2.tif")
    upscale(job, weights, value_range="0:10000", precision="bfloat16")
    with rasterio.open(job.target) as target:
        assert target.tags()["SEN2NAIP_SR_PRECISION"] == "bfloat16"


def test_intervals_and_result_share_the_network_of_a_scene(tmp_path, make_geotiff, monkeypatch):
    weights = write_weights(tmp_path / "told.safetensors", conditions=True)
    write_calibration(weights)
    upscaler = Upscaler(make_options(weights=weights, device="cpu", uncertainty=True))
    made = []
    of_source = upscaler._source.network_for
    monkeypatch.setattr(
        upscaler._source,
        "network_for",
        lambda *given, **named: made.append(given) or of_source(*given, **named),
    )
    for number in range(2):
        source = make_geotiff(tmp_path / f"{number}.tif", size=(80, 90), seed=number)
        upscale_file(upscaler, Job(source, tmp_path / f"{number}_x2.tif"))
    assert len(made) == 2
