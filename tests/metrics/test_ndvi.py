import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.metrics.full_reference import score


def scores(prediction, truth):
    found = score(prediction, truth, data_range=255, only=("ndvi", "ndvi_rmse"))
    return found.chip["ndvi"], found.chip["ndvi_rmse"]


@given(seed=st.integers(0, 1000), bands=st.integers(4, 6))
@settings(max_examples=20, deadline=None)
def test_it_is_the_index_computed_from_the_first_and_fourth_band(seed, bands):
    random = np.random.default_rng(seed)
    prediction, truth = random.uniform(1, 255, (2, 2, bands, 12, 15))

    def index(image):
        red, nir = image[:, 0, 4:-4, 4:-4], image[:, 3, 4:-4, 4:-4]
        return (nir - red) / (nir + red)

    difference = index(prediction) - index(truth)
    mean, root = scores(torch.from_numpy(prediction), torch.from_numpy(truth))
    np.testing.assert_allclose(mean, np.abs(difference).mean(axis=(1, 2)))
    np.testing.assert_allclose(root, np.sqrt((difference**2).mean(axis=(1, 2))))


def test_gain_of_all_bands_changes_nothing():
    truth = torch.rand(1, 4, 12, 12) * 100 + 1
    assert all(float(value) < 1e-6 for value in scores(truth * 1.5, truth))


def test_dark_pixels_count_as_zero_and_never_divide_by_zero():
    truth = torch.zeros(1, 4, 12, 12)
    prediction = truth.clone()
    prediction[:, 3] = 10  # NDVI 1
    assert [float(value) for value in scores(prediction, truth)] == [1.0, 1.0]
    assert [float(value) for value in scores(truth, truth)] == [0.0, 0.0]
    prediction[:, 0], prediction[:, 3] = -9, 10  # the quotient would be 19
    assert [float(value) for value in scores(prediction, truth)] == [1.0, 1.0]


@pytest.mark.parametrize("bands", [1, 3])
def test_images_without_near_infrared_have_none(bands):
    truth = torch.rand(1, bands, 12, 12)
    assert all(value.isnan().all() for value in scores(truth, truth))


def test_single_bands_have_none():
    truth = torch.rand(1, 4, 12, 12)
    assert not {"ndvi", "ndvi_rmse"} & set(score(truth, truth, data_range=1).band)
