import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from sen2naip_sr.evaluation.pairs.detail import MARGIN, SIGMA, detail_of, fit


@pytest.mark.parametrize("frequency", [0.05, 0.125, 0.25, 0.4])
def test_detail_holds_what_the_formula_of_the_gaussian_leaves(frequency):
    columns = np.sin(2 * np.pi * frequency * np.arange(200))
    image = np.broadcast_to(columns, (1, 64, 200))
    kept = 1 - np.exp(-2 * (np.pi * SIGMA * frequency) ** 2)
    found = detail_of(image)
    np.testing.assert_allclose(
        found.values[found.known[None]], (kept * image)[:, found.known][0], atol=2e-3
    )


def test_a_constant_has_no_detail():
    assert np.abs(detail_of(np.full((2, 40, 40), 9_000.0)).values).max() < 1e-9


def test_pixels_near_edges_and_missing_data_do_not_count():
    image = np.zeros((2, 60, 60))
    image[1, 30, 40] = np.nan
    known = detail_of(image).known
    expected = np.zeros((60, 60), bool)
    expected[MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    expected[30 - MARGIN : 31 + MARGIN, 40 - MARGIN : 41 + MARGIN] = False
    assert (known == expected).all()


def test_missing_data_change_nothing_that_counts():
    image = np.random.default_rng(0).normal(8_000, 100, (1, 60, 60))
    holed = image.copy()
    holed[:, :20, :20] = np.nan
    found, whole = detail_of(holed), detail_of(image)
    np.testing.assert_allclose(
        found.values[:, found.known], whole.values[:, found.known], atol=1e-6
    )


def test_an_image_without_data_has_no_pixel_that_counts():
    assert not detail_of(np.full((1, 40, 40), np.nan)).known.any()


def test_a_panchromatic_truth_is_predicted_from_all_bands_as_by_scikit_learn():
    random = np.random.default_rng(1)
    details = random.normal(size=(4, 500)) * [[1], [20], [3], [0.1]]
    truth = (np.array([0.3, 0.02, -0.1, 2]) @ details + random.normal(size=500))[None]
    model = LinearRegression().fit(details.T, truth[0])
    score = model.score(details.T, truth[0])
    found = fit(details, truth, panchromatic=True)
    assert found.missed == pytest.approx(1 - score)
    predicted = model.predict(details.T)
    assert found.correlation == pytest.approx(np.corrcoef(predicted, truth[0])[0, 1])


def test_bands_of_a_finer_sensor_are_predicted_one_by_one():
    random = np.random.default_rng(2)
    details = random.normal(size=(3, 400))
    truth = 5 * details + [[1], [2], [3]] * random.normal(size=(3, 400))
    r = [np.corrcoef(d, t)[0, 1] for d, t in zip(details, truth, strict=True)]
    found = fit(details, truth, panchromatic=False)
    assert found.missed == pytest.approx(np.mean(1 - np.square(r)))
    assert found.correlation == pytest.approx(np.mean(r))


def test_bands_that_are_copies_of_each_other_can_be_fitted():
    band = np.random.default_rng(3).normal(size=300)
    found = fit(np.stack([band, band, 0 * band]), 2 * band[None], panchromatic=True)
    assert found.missed == pytest.approx(0, abs=1e-9)


def test_a_flat_truth_cannot_be_predicted():
    details = np.random.default_rng(4).normal(size=(2, 100))
    assert fit(details, np.zeros((1, 100)), panchromatic=True).missed == 1
