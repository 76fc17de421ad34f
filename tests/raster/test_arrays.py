import numpy as np
import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget


def test_windows_are_those_of_the_array():
    array = np.arange(2 * 5 * 6, dtype="int16").reshape(2, 5, 6)
    scene = ArrayScene(array, bands=[2])
    assert (scene.count, scene.height, scene.width, scene.dtype) == (1, 5, 6, "int16")
    values, valid = scene.read(1, 2, 3, 4)
    np.testing.assert_array_equal(values, array[1:, 1:4, 2:6])
    assert valid.all()


def test_what_is_invalid_is_so_in_its_band():
    array = np.ma.MaskedArray(np.ones((2, 2, 2), "float32"), np.zeros((2, 2, 2), bool))
    array[0, 0, 0] = np.ma.masked
    array.data[1, 0, 1], array.data[1, 1, 0], array.data[0, 1, 1] = np.nan, np.inf, 7
    _, valid = ArrayScene(array, nodata=7).read(0, 0, 2, 2)
    np.testing.assert_array_equal(valid, [[[0, 1], [1, 0]], [[1, 0], [0, 1]]])


def test_data_are_moved_off_the_nodata_value():
    scene = ArrayScene(np.array([[[7, 3]]], "uint8"), nodata=7)
    target = ArrayTarget(scene)
    valid = np.array([[[False, False, True, True]] * 2])
    target.write(0, 0, np.array([[[7, 7, 7, 3]] * 2], "uint8"), valid)
    assert target.values.tolist() == [[[7, 7, 8, 3]] * 2]


def test_a_nodata_value_that_the_dtype_cannot_hold_marks_nothing():
    scene = ArrayScene(np.array([[[7]]], "uint8"), nodata=-9999)
    assert scene.nodata == (None,)
    assert scene.read(0, 0, 1, 1)[1].all()


@pytest.mark.parametrize("bands", [[], [0], [3], [1, 1]])
def test_bands_that_are_not_there_are_named(bands):
    with pytest.raises(UserError) as raised:
        ArrayScene(np.ones((2, 3, 3), "uint8"), bands=bands)
    assert raised.value.code in {"no-bands", "unknown-band", "band-twice"}
