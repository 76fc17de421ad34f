"""The table of methods by sensor and place: as data, page, figure and metrics."""

import math

import numpy as np
import pandas as pd
import pytest
from constructed_scores import make_scores

from sen2naip_sr.evaluation.figures.gains import draw_gains
from sen2naip_sr.evaluation.paired.resampling import Resampling
from sen2naip_sr.evaluation.test_sets.page import write_page
from sen2naip_sr.evaluation.test_sets.table import MEAN, place_metrics, tabulate

RESAMPLING = Resampling(draws=200, seed=0)
TOWN = {"lanczos": [30.0, 32.0, 34.0], "nearest": [28.0, 33.0, 31.0], "net": [33.0, 33.0, 36.0]}
ALPS = {"lanczos": [40.0], "nearest": [38.0], "net": [39.0]}
LAKE = {"lanczos": [20.0], "nearest": [21.0]}


def scores(psnr, sensor, place, pixel, **options):
    found = make_scores(psnr, trained=("net",), **options)
    return found.assign(sensor=sensor, place=place, pixel_metres=pixel)


@pytest.fixture
def table():
    return tabulate(
        pd.concat(
            [
                scores(TOWN, "NAIP", "town", 0.6, locations=["a", "a", "b"]),
                scores(ALPS, "S2", "alps", 10.0),
                scores(LAKE, "S2", "lake", math.nan),
            ]
        ),
        RESAMPLING,
    )


def row(table, place, method, sensor=None):
    found = table[(table["place"] == place) & (table["method"] == method)]
    if sensor:
        found = found[found["sensor"] == sensor]
    (only,) = found.to_dict("records")
    return only


def test_gains_are_paired_differences_to_lanczos_and_losses_are_counted(table):
    town = row(table, "town", "net")
    assert (town["n_chips"], town["locations"]) == (3, 2)
    assert (town["psnr"], town["gain"], town["below"]) == (34, pytest.approx(2), 0)
    assert town["gain_low"] <= 2 <= town["gain_high"]
    nearest = row(table, "town", "nearest")
    assert nearest["gain"] == pytest.approx((-2 + 1 - 3) / 3)
    assert nearest["below"] == pytest.approx(2 / 3)
    assert row(table, "alps", "net")["below"] == 1
    assert math.isnan(row(table, "alps", "net")["gain_low"])


def test_methods_stand_by_quality_within_a_place_and_places_as_given(table):
    assert list(dict.fromkeys(table["place"])) == ["town", "alps", "lake", MEAN]
    town = table[table["place"] == "town"]
    assert town["method"].tolist() == ["net", "lanczos", "nearest"]


def test_means_of_places_count_places_equally_and_need_all_of_them(table):
    means = table[table["place"] == MEAN]
    assert set(means["sensor"]) == {"S2", "all"}
    assert row(table, MEAN, "nearest", "all")["gain"] == pytest.approx((-4 / 3 - 2 + 1) / 3)
    assert row(table, MEAN, "nearest", "S2")["gain"] == pytest.approx(-0.5)
    # the network was not scored at the lake
    assert "net" not in set(means["method"])


def test_single_bands_have_no_say():
    found = scores(ALPS, "S2", "alps", 10.0)
    both = pd.concat([found, found.assign(band="NIR", psnr=0.0)])
    pd.testing.assert_frame_equal(tabulate(both, RESAMPLING), tabulate(found, RESAMPLING))


def test_the_page_shows_a_gain_for_every_place_and_a_dash_where_there_is_none(table):
    gains, everything = (part.splitlines() for part in write_page(table).strip().split("\n\n"))
    assert gains[0].startswith("| gain over Lanczos, dB | NAIP: town, 0.6 m | S2: alps, 10 m |")
    cells = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:4] for line in gains[2:]}
    assert cells["net"] == ["+2.00", "-1.00", "-"]
    assert len(everything) == 2 + len(table)
    assert "nan" not in write_page(table)
    (net,) = [line for line in everything if line.startswith("| NAIP: town, 0.6 m | net |")]
    assert "| 0% |" in net


def test_a_network_below_the_linear_filter_is_marked_in_page_and_figure(table):
    found = tabulate(scores(TOWN | {"linear": [35.0] * 3}, "NAIP", "town", 0.6), RESAMPLING)
    assert row(found, "town", "net")["failed"]
    assert "| net |" not in write_page(found).split("\n\n")[1]
    assert "net (failed)" in write_page(found)
    assert "net (failed)" in [text.get_text() for text in draw_gains(found).legends[0].get_texts()]
    assert not table["failed"].any()
    assert "failed" not in write_page(table)


def test_the_gain_of_one_method_is_tracked_at_every_place(table):
    found = place_metrics(table, "net")
    assert found["test_gain_at/NAIP town 0.6 m"] == pytest.approx(2)
    assert {name.partition("/")[0] for name in found} == {"test_gain_at"}
    assert all(math.isfinite(value) for value in found.values())
    assert "test_gain_at/S2 lake" in place_metrics(table, "nearest")
    assert place_metrics(table, "another") == {}


def test_the_figure_has_a_row_for_each_place_and_a_point_for_each_method(table):
    (axes,) = draw_gains(table).axes
    titles = [label.get_text() for label in axes.get_yticklabels()]
    assert titles[:3] == ["NAIP: town, 0.6 m", "S2: alps, 10 m", "S2: lake"]
    points = [line for line in axes.get_lines() if line.get_marker() not in ("None", "")]
    drawn = sorted(float(np.ravel(line.get_xdata())[0]) for line in points)
    expected = table.loc[table["method"] != "lanczos", "gain"]
    np.testing.assert_allclose(drawn, sorted(expected))


def test_more_networks_than_colours_can_be_drawn():
    psnr = {"lanczos": [1.0]} | {f"n{number}": [float(number)] for number in range(9)}
    found = make_scores(psnr, trained=tuple(psnr)[1:]).assign(
        sensor="s", place="p", pixel_metres=1.0
    )
    assert len(draw_gains(tabulate(found, RESAMPLING)).axes) == 1
