import numpy as np
import pandas as pd
import pytest
from affine import Affine
from constructed_scores import make_scores
from small_stores import make_stores, smooth_noise

from sen2naip_sr.evaluation.figures.examples import (
    choose_chips,
    make_examples,
    shown_methods,
    to_rasters,
)
from sen2naip_sr.evaluation.methods import Method, interpolations
from sen2naip_sr.models.registry import build_model

PLACES = ["town"] * 6 + ["sea"] * 3 + ["desert"]
SCORES = make_scores({"bicubic": [30.0, 31, 32, 33, 34, 35, 40, 41, 42, 50]}, PLACES)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    names = ["Red", "Green", "Blue", "NIR"]
    return make_stores(tmp_path_factory.mktemp("stores"), smooth_noise(), bands=names)


def test_chosen_chips_are_of_as_many_places_as_possible_the_hardest_first():
    assert choose_chips(SCORES, "bicubic", 3) == [3, 7, 9]


def test_chosen_chips_of_a_place_spread_over_their_difficulty():
    assert choose_chips(SCORES, "bicubic", 5) == [1, 4, 6, 8, 9]


def test_choice_does_not_depend_on_the_order_of_the_rows_and_has_no_chip_twice():
    for count in range(1, 12):
        chosen = choose_chips(SCORES, "bicubic", count)
        assert chosen == choose_chips(SCORES.sample(frac=1, random_state=count), "bicubic", count)
        assert len(set(chosen)) == len(chosen) == min(count, 10)


def network(name, origin=""):
    return Method(name, name, build_model("carn", 4), trained=True, origin=origin)


@pytest.mark.parametrize(
    ("networks", "ranked", "shown"),
    [
        ([network("carn")], ["lanczos", "carn", "bicubic"], ["carn"]),
        ([network("carn"), network("lean")], ["lean", "carn", "lanczos"], ["lean"]),
        (
            [network("carn"), network("lean", "shipped")],
            ["lean", "lanczos", "carn"],
            ["carn", "lean"],
        ),
        ([network("carn"), network("lean", "shipped")], ["carn", "lanczos", "lean"], ["carn"]),
        ([network("lean", "another run")], ["lanczos", "lean", "bicubic"], ["lean"]),
        ([], ["lanczos", "bicubic", "nearest"], ["bicubic"]),
    ],
)
def test_shows_the_run_s_own_network_beside_the_best(networks, ranked, shown):
    comparison = pd.DataFrame({"method": ranked})
    methods = [*interpolations(4), *networks]
    assert shown_methods(comparison, methods, "lanczos") == ("lanczos", *shown)


def test_examples_hold_predictions_in_the_data_s_dtype(stores):
    hr, lr, _ = stores
    (example,) = make_examples([4], ("nearest", "bilinear"), interpolations(4), hr, lr)
    assert (example.chip, example.place) == (4, "p2")
    np.testing.assert_array_equal(example.truth, hr.chips[4])
    repeated = lr.chips[4].repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(example.upscaled[0], repeated)
    assert example.upscaled[1].dtype == np.uint8


def test_rasters_lie_on_the_chip_s_ground_with_half_and_whole_pixels(stores):
    hr, lr, _ = stores
    (example,) = make_examples([3], ("nearest", "bilinear"), interpolations(4), hr, lr)
    rasters = to_rasters(example, ("nearest", "bilinear"), hr)
    assert set(rasters) == {"lr", "nearest", "bilinear", "truth"}
    assert rasters["truth"].transform == Affine(2, 0, 300, 0, -2, 900)
    assert rasters["nearest"].transform == rasters["truth"].transform
    assert rasters["lr"].transform == Affine(4, 0, 300, 0, -4, 900)
    assert {raster.crs.to_epsg() for raster in rasters.values()} == {32616}
    assert rasters["bilinear"].bands == ("Red", "Green", "Blue", "NIR")
