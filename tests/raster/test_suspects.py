import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.inference.values import choose_range, unmarked_nodata
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.raster.suspects import SceneWithout, suspects

few = settings(deadline=None, max_examples=40)
SPANS = {"uint16": (200, 9000), "int16": (-50, 9000), "int32": (0, 9000), "float32": (0, 1)}
FILLS = {
    "uint16": [65535],
    "int16": [-9999, -32768, 32767],
    "int32": [-9999, -(2**31), 2**31 - 1],
    "float32": [-9999, -32768, 65535, 3.4e38, -3.4e38, -1],
}


def picture(dtype, random, shape=(4, 60, 70)):
    low, high = SPANS[dtype]
    return random.uniform(low, high, shape).astype(dtype)


@few
@given(
    data=st.data(),
    dtype=st.sampled_from(list(SPANS)),
    seed=st.integers(0, 999),
    share=st.sampled_from([0.003, 0.08, 0.6]),
)
def test_fill_is_found_named_and_left_out_of_the_range(data, dtype, seed, share):
    random = np.random.default_rng(seed)
    clean = picture(dtype, random)
    fill = data.draw(st.sampled_from(FILLS[dtype]))
    spoilt = np.where(random.random(clean.shape[1:]) < share, np.array(fill, dtype), clean)
    assert list(suspects(spoilt.ravel())) == [float(np.array(fill, dtype))]
    assert choose_range("auto", ArrayScene(spoilt)) == choose_range("auto", ArrayScene(clean))
    values, valid = SceneWithout(ArrayScene(spoilt), [fill]).read(0, 0, *clean.shape[1:])
    np.testing.assert_array_equal(valid, spoilt == clean)
    np.testing.assert_array_equal(values, spoilt)


@few
@given(dtype=st.sampled_from([*SPANS, "uint8"]), seed=st.integers(0, 999))
def test_pictures_without_fill_have_no_suspects(dtype, seed):
    random = np.random.default_rng(seed)
    low, high = SPANS.get(dtype, (0, 255))
    values = random.uniform(low, high, 5000) ** random.uniform(0.5, 1) if low >= 0 else (
        random.uniform(low, high, 5000)
    )  # fmt: skip
    # saturation and water: many equal values at the ends of what is there
    values = values.clip(*np.percentile(values, (10, 80))).astype(dtype)
    assert suspects(values) == {}


def test_two_fills_are_both_found():
    values = np.concatenate([np.linspace(0, 1, 900), [-9999.0] * 50, [3.4e38] * 50])
    assert suspects(values) == {-9999.0: 0.05, 3.4e38: 0.05}


def test_a_warning_names_scene_value_and_share(caplog):
    values = picture("float32", np.random.default_rng(0))
    values[:, :6] = -9999
    with caplog.at_level(logging.WARNING):
        assert unmarked_nodata(ArrayScene(values)) == (-9999,)
    assert "the array: -9999 in 10.0% of the sampled values" in caplog.text
    caplog.clear()
    assert unmarked_nodata(ArrayScene(values, nodata=-9999)) == ()
    assert not caplog.text


@pytest.mark.parametrize("at", [(0, 0), (1990, 2990), (700, 1800)])
def test_the_range_of_a_sparse_scene_is_that_of_its_data(at):
    values = np.zeros((1, 2000, 3000), np.uint16)
    values[:, at[0] : at[0] + 10, at[1] : at[1] + 10] = np.arange(3000, 3100).reshape(10, 10)
    assert choose_range("auto", ArrayScene(values, nodata=0)) == (0, 4095)
