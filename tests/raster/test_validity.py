import numpy as np
import pytest
import rasterio
from tiny_scenes import make_scene

from sen2naip_sr.raster.validity import is_nodata, nearest_data, representable

CLOSEST_TO_OVERFLOW = float(np.finfo("float32").min)
CASES = [
    ("uint8", 255),
    ("uint8", 0),
    ("int16", -9999),
    ("float32", -9999.0),
    ("float32", 0.0),
    ("float32", CLOSEST_TO_OVERFLOW),
    ("float32", np.nan),
    ("float64", 1e20),
    ("float64", -0.1),
]


@pytest.mark.parametrize(("dtype", "nodata"), CASES)
def test_nodata_is_what_gdal_takes_for_it(tmp_path, dtype, nodata):
    kind = np.dtype(dtype)
    marker = kind.type(nodata)
    if kind.kind == "f":
        near = marker * (1 - np.array([0.5, 1e-3, 1e-6, 1e-7, 0]))
        if nodata != CLOSEST_TO_OVERFLOW:
            near = [*near, *(marker * (1 + np.array([1e-7, 1e-6, 1e-3])))]
        values = np.array([*near, np.nan, 1, -1]).astype(dtype)
    else:
        values = np.array([marker, *(marker + kind.type(1) * np.arange(3)), 1, 7]).astype(dtype)
    path = make_scene(tmp_path / "a.tif", values[np.newaxis, np.newaxis], nodata=nodata)
    with rasterio.open(path) as source:
        expected = source.read_masks(1)[0] == 0
    np.testing.assert_array_equal(is_nodata(values, nodata), expected)
    assert is_nodata(np.array([marker]), nodata).all()


@pytest.mark.parametrize(("dtype", "nodata"), [c for c in CASES if not np.isnan(c[1])])
def test_the_nearest_data_are_near_and_not_nodata(tmp_path, dtype, nodata):
    value = nearest_data(nodata, np.dtype(dtype))
    values = np.full((1, 1, 1), value)
    assert values.dtype == dtype
    with rasterio.open(make_scene(tmp_path / "a.tif", values, nodata=nodata)) as source:
        assert source.read_masks(1).all()
    limits = np.iinfo(dtype) if values.dtype.kind in "iu" else np.finfo(dtype)
    assert limits.min <= value <= limits.max
    if nodata != CLOSEST_TO_OVERFLOW:
        near = max(values.dtype.kind in "iu", 1e-6 * abs(nodata), 1e-30)
        assert abs(float(value) - nodata) <= near


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (None, "uint8", False),
        (255, "uint8", True),
        (256, "uint8", False),
        (-9999, "uint16", False),
        (0.5, "int16", False),
        (np.nan, "uint8", False),
        (np.inf, "uint8", False),
        (np.nan, "float32", True),
        (-9999.5, "float64", True),
    ],
)
def test_a_dtype_holds_some_nodata_values_only(value, dtype, expected):
    assert representable(value, np.dtype(dtype)) is expected
