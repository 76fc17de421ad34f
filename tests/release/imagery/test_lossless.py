"""Lossless compression."""

import numpy as np
import pytest

from sen2naip_sr.release.imagery.lossless import compress, decompress

SHAPES = [(4, 33, 17), (1, 5, 8), (3, 1, 1)]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_any_image_comes_back(shape, dtype):
    most = np.iinfo(dtype).max
    image = np.random.default_rng(0).integers(0, most, shape, dtype, endpoint=True)
    found = decompress(compress(image), shape, dtype)
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found, image)


def test_smooth_images_become_small():
    rows, columns = np.mgrid[:128, :128]
    noise = np.random.default_rng(0).integers(0, 3, (4, 128, 128))
    image = ((rows + columns) // 2 + noise).astype(np.uint16)
    assert len(compress(image)) < 0.25 * image.nbytes
