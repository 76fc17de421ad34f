import logging

import numpy as np
import pandas as pd
import pytest
from constructed_scores import make_scores

from sen2naip_sr.evaluation.comparison import (
    best_interpolation,
    compare_methods,
    compare_places,
    failed_networks,
    warn_of_failed,
)

LEADING = [
    *("method", "n_chips", "psnr", "psnr_low", "psnr_high", "delta_psnr", "ssim", "ms_ssim"),
    *("rmse", "sam", "ergas", "uiqi", "consistency", "spectrum"),
    *("ndvi", "ndvi_rmse", "seconds_per_megapixel"),
]
PSNR = {
    "bilinear": [28.0, 30.0, 35.0, 40.0],
    "bicubic": [29.0, 31.0, 36.0, 39.0],
    "carn": [31.0, 33.0, 38.0, 41.0],
}


def compared(psnr=PSNR, **options):
    return compare_methods(make_scores(psnr, **options), draws=500, seed=0)


def test_best_interpolation_has_the_highest_mean_and_no_weights():
    assert best_interpolation(make_scores(PSNR)) == "bicubic"


def test_single_bands_have_no_say_in_the_best_interpolation():
    scores = make_scores(PSNR)
    misleading = scores[scores["method"] == "bilinear"].assign(band="NIR", psnr=99.0)
    assert best_interpolation(pd.concat([scores, misleading])) == "bicubic"


def test_columns_stand_in_the_promised_order_and_rows_by_psnr():
    table = compared()
    assert list(table)[: len(LEADING)] == LEADING
    assert list(table["method"]) == ["carn", "bicubic", "bilinear"]
    assert (table["n_chips"] == 4).all()


def test_differences_are_paired():
    # chips differ by 12 dB, the methods by exactly 2: the interval of the difference is a point
    table = compared().set_index("method")
    assert table.loc["carn", ["delta_psnr", "delta_low", "delta_high"]].tolist() == [2, 2, 2]
    assert table.loc["bicubic", ["delta_psnr", "delta_low", "delta_high"]].tolist() == [0, 0, 0]
    assert table.loc["carn", "psnr"] == pytest.approx(35.75)
    assert table.loc["carn", "psnr_low"] < 34
    assert table.loc["carn", "psnr_high"] > 37


def test_chips_of_one_location_are_resampled_together():
    # with one location there is nothing to resample: the mean itself, or no interval at all
    one = compared(locations=["a"] * 4).set_index("method").loc["carn"]
    assert one["psnr"] == pytest.approx(35.75)
    assert not one["psnr_high"] > one["psnr"] > one["psnr_low"]
    two = compared(locations=["a", "a", "b", "b"]).set_index("method").loc["carn"]
    # means of the two locations are 32 and 39.5: nothing outside of them can be drawn
    assert (two["psnr_low"], two["psnr_high"]) == (32.0, 39.5)


def test_the_interval_widens_where_chips_cluster():
    level = np.random.default_rng(0).normal(30, 3, 20)
    psnr = {"lanczos": np.repeat(level, 5)}
    apart, together = (
        compared(psnr, locations=locations).iloc[0]
        for locations in (None, list(np.repeat(range(20), 5)))
    )
    widths = [row["psnr_high"] - row["psnr_low"] for row in (apart, together)]
    # five equal chips say no more than one: the standard error is that of 20 chips, not of 100
    assert widths[1] / widths[0] == pytest.approx(5**0.5, rel=0.15)


def test_order_of_the_rows_does_not_matter():
    scores = make_scores(PSNR, locations=["a", "a", "b", "c"])
    shuffled = scores.sample(frac=1, random_state=1)
    first, second = (compare_methods(table, draws=200, seed=0) for table in (scores, shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_time_is_the_median():
    assert (compared()["seconds_per_megapixel"] == 2.5).all()


def test_every_place_has_its_own_means_and_difference():
    table = compare_places(make_scores(PSNR, places=["town", "town", "sea", "sea"]))
    assert list(table)[:5] == ["place", "method", "n_chips", "psnr", "delta_psnr"]
    assert list(table["place"].unique()) == ["sea", "town"]
    rows = table.set_index(["place", "method"])
    assert rows.loc[("sea", "carn"), "delta_psnr"] == pytest.approx(2.0)
    # the interpolation that is best over all places, not the best of this one
    assert rows.loc[("sea", "bilinear"), "delta_psnr"] == pytest.approx(0.0)
    assert rows.loc[("town", "bilinear"), ["psnr", "n_chips"]].tolist() == [29.0, 2]


WITH_LINEAR = PSNR | {"linear": [30.0, 31.0, 37.0, 42.0], "bad": [29.5, 32.0, 36.0, 42.0]}


def test_networks_below_the_linear_filter_have_failed():
    # means of 35 and 34.875; bicubic is below too, but is no network
    scores = make_scores(WITH_LINEAR, trained=("carn", "bad"))
    assert failed_networks(scores) == {"bad"}
    table = compare_methods(scores, draws=200, seed=0).set_index("method")
    assert table.index[table["failed"]].tolist() == ["bad"]
    assert failed_networks(make_scores(PSNR)) == set()
    misleading = scores[scores["method"] == "bad"].assign(band="NIR", psnr=99.0)
    assert failed_networks(pd.concat([scores, misleading])) == {"bad"}


def test_networks_may_fail_at_one_place_only():
    places = ["town", "town", "sea", "sea"]
    scores = make_scores(WITH_LINEAR, places=places, trained=("carn", "bad"))
    failed = compare_places(scores).set_index(["place", "method"])["failed"]
    assert set(failed.index[failed]) == {("sea", "bad")}


def test_the_linear_filter_is_no_interpolation_to_beat():
    better = PSNR | {"linear": [99.0] * 4, "projected": [99.0] * 4}
    assert best_interpolation(make_scores(better)) == "bicubic"


def test_failed_networks_are_named_in_the_log(caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_failed({"unet", "carn"})
    assert [text.split()[:2] for text in caplog.messages] == [
        ["carn", "failed:"],
        ["unet", "failed:"],
    ]
    assert "linear filter" in caplog.text
