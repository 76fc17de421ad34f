"""Scenes of any size, dtype, nodata pattern and profile: what always holds of their results."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning
from tiny_weights import write_weights

from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
CASES = 200


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {bands: write_weights(folder / f"{bands}.safetensors", bands=bands) for bands in (1, 4)}


@st.composite
def scenes(draw):
    """Draw the pixels of a scene, what marks those without data, and the file's profile."""
    bands = draw(st.sampled_from([1, 4]))
    shape = (bands, draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    integer = dtype.kind in "iu"
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if integer else (-1.0, 2.0)
    spread = draw(st.sampled_from([1.0, 1e-3]))
    pixels = (low + (high - low) * spread * random.random(shape)).astype(dtype)
    marked = draw(st.sampled_from(["none", "nodata", "mask"] + ["nan"] * (not integer)))
    empty = random.random(shape[1:]) < draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    nodata = None
    if marked == "nodata":
        nodata = float(draw(st.sampled_from([0, 7, high if integer else -1.0])))
        pixels[:, empty] = nodata
    elif marked == "nan":
        pixels[:, empty] = np.nan
    profile = {
        "driver": "GTiff",
        "tiled": draw(st.booleans()),
        "compress": draw(st.sampled_from([None, "deflate", "lzw"])),
        "interleave": draw(st.sampled_from(["pixel", "band"])),
        "photometric": "MINISBLACK",
        "alpha": "unspecified",
        "nodata": nodata,
    }
    if profile["tiled"]:
        profile |= {"blockxsize": 16, "blockysize": 16}
    if draw(st.booleans()):
        turn = Affine.rotation(draw(st.sampled_from([0, 20])))
        scale = Affine.scale(draw(st.floats(0.1, 30)), -draw(st.floats(0.1, 30)))
        profile |= {"crs": "EPSG:32611", "transform": Affine.translation(4e5, 4e6) @ turn @ scale}
    return pixels, ~empty if marked == "mask" else None, profile


def write(path, pixels, mask, profile):
    bands, height, width = pixels.shape
    with rasterio.open(
        path, "w", count=bands, height=height, width=width, dtype=pixels.dtype, **profile
    ) as target:
        target.write(pixels)
        if mask is not None:
            target.write_mask(mask)


def twice(array):
    return array.repeat(2, -1).repeat(2, -2)


@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    scene=scenes(),
    tile=st.sampled_from([16, 23, 64]),
    consistency=st.booleans(),
    internal=st.booleans(),
)
def test_invariants(weights, scene, tile, consistency, internal):
    pixels, mask, profile = scene
    upscaler = Upscaler(
        make_options(weights=weights[len(pixels)], tile=tile, consistency=consistency, device="cpu")
    )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        job = Job(Path(folder) / "scene.tif", Path(folder) / "scene_x2.tif")
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
            write(job.source, pixels, mask, profile)
        upscale_file(upscaler, job)
        with rasterio.open(job.source) as before, rasterio.open(job.target) as after:
            assert (after.height, after.width) == (2 * before.height, 2 * before.width)
            assert after.dtypes == before.dtypes
            assert after.nodata == before.nodata
            assert after.crs == before.crs
            if not before.transform.is_identity:
                moved = np.subtract(after.bounds, before.bounds) / np.tile(before.res, 2)
                assert np.abs(moved).max() < 1e-6
                assert after.transform.almost_equals(before.transform @ Affine.scale(0.5), 1e-6)
            values, masks = after.read(), after.read_masks()
            expected = twice(before.read_masks()) != 0
            data = expected & np.isfinite(twice(pixels))
            np.testing.assert_array_equal((masks != 0) & np.isfinite(values), data)
            held = twice(pixels)
            np.testing.assert_array_equal(values[~data], held[~data])
    assert not list(Path(folder).glob("*"))
