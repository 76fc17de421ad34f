import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.rpc import RPC
from rasterio.transform import RPCTransformer
from tiny_scenes import make_scene, noise

from sen2naip_sr.raster.georeferencing import Georeferencing


def test_finer_pixels_lie_on_the_same_ground_by_the_rpc_model_of_gdal():
    random = np.random.default_rng(0)
    terms = 1e-3 * random.standard_normal((4, 20))
    line, line_den, samp, samp_den = terms
    line[2], samp[1], line_den[0], samp_den[0] = -1, 1, 1, 1
    rpcs = RPC(
        height_off=100.0,
        height_scale=500.0,
        lat_off=50.0,
        lat_scale=0.1,
        line_den_coeff=line_den.tolist(),
        line_num_coeff=line.tolist(),
        line_off=350.25,
        line_scale=360.0,
        long_off=10.0,
        long_scale=0.1,
        samp_den_coeff=samp_den.tolist(),
        samp_num_coeff=samp.tolist(),
        samp_off=349.5,
        samp_scale=361.0,
    )
    finer = Georeferencing(Affine.identity(), rpcs=rpcs).refined(2)
    assert finer.known
    eastings, northings = 10 + random.uniform(-0.1, 0.1, 9), 50 + random.uniform(-0.1, 0.1, 9)
    heights = random.uniform(0, 400, 9)

    def spots(model):
        with RPCTransformer(model) as transformer:
            return np.array(transformer.rowcol(eastings, northings, zs=heights, op=lambda x: x))

    np.testing.assert_allclose(spots(finer.rpcs), 2 * spots(rpcs), rtol=0, atol=1e-6)


def test_nothing_is_known_of_a_plain_picture(tmp_path):
    with rasterio.open(make_scene(tmp_path / "a.tif", noise(1, 4, 4))) as source:
        place = Georeferencing.of(source)
    assert not place.known
    assert place.refined(2) == place


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_a_transform_is_scaled_about_its_origin(factor):
    place = Georeferencing(Affine(10, 1, 500, -2, -9, 700))
    finer = place.refined(factor).transform
    assert finer @ (0, 0) == (500, 700)
    assert finer @ (3 * factor, 5 * factor) == pytest.approx(place.transform @ (3, 5))
