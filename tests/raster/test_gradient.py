import numpy as np
import pytest

from sen2naip_sr.raster.gradient import gradient_energy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_energy_is_the_sum_of_squared_differences_over_the_bands(dtype):
    image = np.array([[[0, 2, 2], [3, 2, 1]], [[0, 0, 0], [0, 0, 5]]], np.uint8)
    energy = gradient_energy(image, dtype)
    assert energy.dtype == dtype
    assert energy.tolist() == [[9 + 4, 0, 1 + 25], [1, 1 + 25, 0]]


def test_differences_do_not_wrap_around_in_the_images_own_dtype():
    image = np.array([[[65_535, 0]]], np.uint16)
    assert gradient_energy(image).tolist() == [[65_535.0**2, 0]]


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_pixel_beside_a_missing_one_is_flat(missing):
    image = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    expected = gradient_energy(image)
    image[0, 1, 1] = missing
    energy = gradient_energy(image)
    touched = np.zeros((3, 3), bool)
    touched[[1, 0, 1], [1, 1, 0]] = True
    assert not energy[touched].any()
    assert np.array_equal(energy[~touched], expected[~touched])
