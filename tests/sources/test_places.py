import json
import logging

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.places import assign_locations, assign_places

SIDE = 153.6


def index_of(files, crs="EPSG:26911", lefts=None, step=10_000.0):
    lefts = [400_000.2 + step * n for n in range(len(files))] if lefts is None else lefts
    return pd.DataFrame(
        {
            "file": files,
            "row": 0,
            "column": 0,
            "crs": crs,
            "left": lefts,
            "bottom": 4_400_000.2 - SIDE,
            "right": [left + SIDE for left in lefts],
            "top": 4_400_000.2,
        }
    )


def places(index, **parameters):
    return assign_places(index, IngestionParameters(**parameters)).tolist()


def test_folders_are_places_and_files_at_the_top_share_one():
    index = index_of(["a/1.tif", "a/2.tif", "b/c/3.tif", "4.tif"])
    assert places(index, place="folder") == ["a", "a", "b/c", "(top folder)"]


def test_files_are_places_if_asked():
    index = index_of(["a/1.tif", "a/2.tif", "a/2.tif"])
    assert places(index, place="file") == ["a/1.tif", "a/2.tif", "a/2.tif"]


def test_neighbours_share_a_cell_and_distant_chips_do_not():
    # two UTM zones see one meridian: the last two chips lie on the same ground
    index = index_of(["a", "b", "c", "d", "e"], lefts=[4e5, 4e5 + SIDE, 5e5, 0, 0])
    index.loc[3, ["crs", "left", "right"]] = "EPSG:32611", 7.5e5, 7.5e5 + SIDE
    index.loc[4, ["crs", "left", "right", "top", "bottom"]] = (
        "EPSG:32612", 235_861.6, 235_861.6 + SIDE, 4_398_650.0, 4_398_650.0 - SIDE
    )  # fmt: skip
    found = places(index, place="grid", grid_metres=50_000)
    assert found[0] == found[1] != found[2]
    assert found[3] == found[4]


def test_chips_without_a_crs_are_on_no_grid():
    assert places(index_of(["a/1.tif", "a/2.tif"], crs=""), place="grid") == ["a/1.tif", "a/2.tif"]


FOLDERS = [f"{folder}/{n}.tif" for folder in "abcde" for n in range(2)]
FLAT = [f"{n}.tif" for n in range(6)]
THREE = [f"{folder}/{n}.tif" for folder in "abc" for n in range(3)]


@pytest.mark.parametrize(
    ("index", "rule"),
    [
        (index_of(FOLDERS), "folder"),
        (index_of(FOLDERS, crs=""), "folder"),
        (index_of(FLAT), "grid"),
        (index_of(THREE), "grid"),
        (index_of(THREE, step=SIDE), "folder"),
        (index_of(FLAT, crs=""), "file"),
        (index_of(FLAT, step=SIDE), "file"),
    ],
    ids=[
        "five folders",
        "five folders without CRS",
        "one folder of distant files",
        "three folders of distant files",
        "three folders of neighbours",
        "one folder without CRS",
        "one folder of neighbours",
    ],
)
def test_auto_takes_the_rule_that_its_text_promises(index, rule, caplog):
    with caplog.at_level(logging.WARNING):
        assert places(index, place="auto") == places(index, place=rule)
    assert ("Each file counts as a place" in caplog.text) == (rule == "file")


def locations(index, pixel=0.6, **parameters):
    steps = [[pixel, 0, left, 0, -pixel, top] for left, top in index[["left", "top"]].to_numpy()]
    index = index.assign(transform=[json.dumps(step) for step in steps])
    return assign_locations(index, IngestionParameters(**parameters))


@given(
    pixel=st.sampled_from([0.3, 0.6, 1.0, 2.5, 10.0, 1e-5]),
    size=st.sampled_from([16, 100, 256, 484, 1000]),
    origin=st.integers(-1_000_000, 5_000_000),
    noise=st.floats(-1e-9, 1e-9),
)
@settings(max_examples=60, deadline=None)
def test_neighbours_are_other_ground_and_noise_or_a_shift_is_the_same(pixel, size, origin, noise):
    left, side = origin * pixel, size * pixel
    lefts = [left, left + noise * pixel, left + side, left + 2 * side - pixel]
    index = index_of(["new.tif", "old.tif", "beside.tif", "shifted.tif"], lefts=lefts)
    index["right"] = index["left"] + side * (1 + noise)
    index["top"] = index["bottom"] + side
    new, old, beside, shifted = locations(index, pixel)
    assert new == old
    assert new != beside
    assert beside == shifted


def test_the_same_bounds_in_another_system_are_other_ground():
    index = index_of(["a", "b"], lefts=[0.0, 0.0])
    index["crs"] = ["EPSG:26910", "EPSG:26911"]
    assert locations(index).nunique() == 2


def test_a_date_pattern_joins_the_dates_of_files_without_a_crs():
    files = [
        f"wv-3708020-sw/wv-3708020_sw-{date}-1m_{n}.tif"
        for date in ("new", "old")
        for n in range(8)
    ]
    index = index_of(files, crs="")
    assert locations(index).nunique() == 16
    found = locations(index, date_pattern="-(new|old)-")
    assert found.nunique() == 8
    assert found[:8].tolist() == found[8:].tolist()


def test_chips_of_one_file_are_told_apart_by_position():
    index = index_of(["a.tif"] * 3, crs="")
    index["row"], index["column"] = [0, 0, 64], [0, 64, 0]
    assert locations(index).nunique() == 3
