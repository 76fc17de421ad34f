"""What was added: on predictions whose added detail is known."""

import math

import numpy as np
import pytest
import torch
from explained import RECIPE, ground, image, small_lean

from sen2naip_sr.explain.chips import downscaled
from sen2naip_sr.explain.detail.frequency import above_nyquist, beyond_nyquist_db, by_frequency
from sen2naip_sr.explain.detail.hallucination import (
    consistency_error,
    correctness,
    disagreement,
)
from sen2naip_sr.explain.detail.profiles import error_profiles
from sen2naip_sr.explain.subjects import reference
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.models.interpolation import Interpolation

IMAGE = image()
TRUTH = IMAGE.truth.astype(float)
PLAIN = predict(reference(4).network, IMAGE.lr[None], (0.0, 255.0))[0].astype(float)
UPSCALED = Interpolation("bilinear")(torch.from_numpy(IMAGE.lr.astype(float))[None])[0].numpy()


def noise(level, seed=0):
    return level * np.random.default_rng(seed).normal(size=TRUTH.shape)


def means(prediction):
    table = by_frequency(prediction, PLAIN, TRUTH)
    return above_nyquist(table, "restored"), above_nyquist(table, "invented")


def test_the_truth_restores_everything_and_invents_nothing():
    assert means(TRUTH) == pytest.approx((1, 0), abs=1e-3)
    assert means(PLAIN) == pytest.approx((0, 0), abs=1e-9)


def test_half_of_the_missing_detail_is_half_restored():
    assert means((PLAIN + TRUTH) / 2) == pytest.approx((0.5, 0), abs=1e-3)


def test_noise_is_invented_and_restores_nothing():
    missing = float(np.std(TRUTH - PLAIN))
    restored, invented = means(PLAIN + noise(missing))
    assert abs(restored) < 0.2
    assert invented > 0.5
    both = means(TRUTH + noise(missing))
    assert both[0] == pytest.approx(1, abs=0.2)
    assert both[1] == pytest.approx(invented, rel=0.05)


def test_the_gain_by_frequency_is_that_of_the_error():
    table = by_frequency((PLAIN + TRUTH) / 2, PLAIN, TRUTH)
    assert table["gain"].to_numpy() == pytest.approx(20 * math.log10(2), abs=1e-6)


def test_power_beyond_nyquist_is_in_decibels():
    assert beyond_nyquist_db(PLAIN, PLAIN) == 0
    assert beyond_nyquist_db(2 * PLAIN, PLAIN) == pytest.approx(20 * math.log10(2))
    assert beyond_nyquist_db(TRUTH, PLAIN) > 1


def test_the_three_shares_tell_truth_nothing_and_noise_apart():
    cases = {
        "improvement": TRUTH,
        "omission": UPSCALED,
        "hallucination": (UPSCALED + noise(60)).clip(0, 255),
    }
    for name, prediction in cases.items():
        found = correctness(prediction, UPSCALED, TRUTH, 0.0)
        shares = {key: getattr(found, key) for key in cases}
        assert sum(shares.values()) == pytest.approx(1)
        assert max(shares, key=shares.__getitem__) == name
    assert np.isnan(found.map).mean() == pytest.approx(0.75, abs=0.01)


def test_where_nothing_is_missing_nothing_counts():
    assert math.isnan(correctness(TRUTH, TRUTH, TRUTH, 0.0).improvement)


def test_consistency_is_that_of_the_catalogue():
    prediction = (TRUTH + noise(5)).clip(0, 255)
    found = consistency_error(prediction, IMAGE.lr, lambda x: downscaled(RECIPE, x), shave=2)
    truth, lr = (torch.from_numpy(np.asarray(each, float))[None] for each in (TRUTH, IMAGE.lr))
    expected = score(
        torch.from_numpy(prediction)[None],
        truth,
        data_range=255.0,
        lr=lr,
        downscale=lambda x: RECIPE.downscale(x, None),
        only=("consistency",),
    )
    assert found == pytest.approx(float(expected.chip["consistency"][0]))


def test_an_interpolation_is_sure_and_a_network_of_random_weights_is_not():
    assert disagreement(reference(4).network, IMAGE.lr, (0.0, 255.0)) < 0.01
    assert disagreement(small_lean().network, IMAGE.lr, (0.0, 255.0)) > 0.1


def test_profiles_divide_the_error_of_the_whole():
    prediction = TRUTH + noise(3)
    table = error_profiles(prediction, TRUTH, (0.0, 255.0))
    inner = (slice(None), slice(4, -4), slice(4, -4))
    whole = np.square((prediction - TRUTH)[inner]).mean()
    for _, groups in table.groupby("measure"):
        assert groups["share"].sum() == pytest.approx(1)
        assert (groups["share"] * groups["rmse"] ** 2).sum() == pytest.approx(whole)
    assert set(table["measure"]) == {"distance to an edge", "brightness", "land cover"}


def test_profiles_find_where_the_error_is():
    hr = ground(96).astype(float)
    brighter = hr.mean(axis=0) > np.quantile(hr.mean(axis=0), 0.85)
    table = error_profiles(hr + 10 * brighter, hr, (0.0, 255.0))
    by_brightness = table[table["measure"] == "brightness"].set_index("group")["rmse"]
    assert by_brightness.idxmax() == "brightest fifth"
    assert by_brightness["darkest fifth"] == 0
