import json

import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform

from sen2naip_sr.chips.footprints import Footprints, overlapping
from sen2naip_sr.chips.splits import TEST, SplitParameters, make_splits
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.places import assign_locations, assign_places

few = settings(deadline=None, max_examples=40)


def index_of(windows, crs="EPSG:32633"):
    """Chips given by transform, side in pixels and file."""
    rows = []
    for number, (at, size, file) in enumerate(windows):
        corners = np.array([at @ corner for corner in ((0, 0), (size, 0), (0, size), (size, size))])
        bounds = [*corners.min(0), *corners.max(0)]
        row = dict(zip(("left", "bottom", "right", "top"), bounds, strict=True))
        rows.append(
            {"chip": number, "file": file, "row": 0, "column": 0, "crs": crs}
            | row
            | {"transform": json.dumps(at[:6])}
        )
    return pd.DataFrame(rows)


def square(x, y, pixel=1.0):
    return Affine(pixel, 0, x, 0, -pixel, y)


def covered(at, size, cell):
    """The cells of a fine grid that lie in a window, as a set."""
    xs, ys = (np.arange(size) + 0.5 for _ in range(2))
    grid = np.array([at @ (x, y) for x in xs for y in ys])
    return {tuple(point) for point in np.floor(grid / cell).astype(int).tolist()}


@few
@given(
    seed=st.integers(0, 9999),
    size=st.sampled_from([4, 8]),
    folders=st.integers(3, 8),
    spread=st.sampled_from([6, 30, 100]),
)
def test_no_split_and_no_fold_shares_ground_with_another(seed, size, folders, spread):
    random = np.random.default_rng(seed)
    corners = random.integers(0, spread, (6 * folders, 2))
    index = index_of(
        [
            (square(500_000.0 + x, 5_300_000.0 + y), size, f"{number % folders}/{number}.tif")
            for number, (x, y) in enumerate(corners.tolist())
        ]
    )
    parameters = IngestionParameters(place="folder")
    index["place"] = assign_places(index, parameters)
    index["location"] = assign_locations(index, parameters)
    try:
        splits = make_splits(index, SplitParameters(seed=seed))
    except Exception as error:
        assert getattr(error, "code", "") in ("too-few-places", "no-training-place")
        return
    ground = [
        covered(square(500_000.0 + x, 5_300_000.0 + y), size, 1.0) for x, y in corners.tolist()
    ]
    for column in ("split", "fold"):
        shown = {
            name: set().union(*(ground[chip] for chip in chips))
            for name, chips in splits.groupby(column)["chip"]
        }
        assert sum(map(len, shown.values())) == len(set().union(*shown.values()))
    assert (splits["fold"] == -1).equals(splits["split"] == TEST)


@few
@given(
    seed=st.integers(0, 9999),
    angle=st.floats(0, 360),
    pixel=st.sampled_from([0.3, 1.0, 10.0]),
)
def test_turned_windows_overlap_where_a_fine_grid_says_so(seed, angle, pixel):
    random = np.random.default_rng(seed)
    size = 16
    turned = Affine.rotation(angle)
    one = Affine.translation(500_000, 5e6) @ turned @ Affine.scale(pixel, -pixel)
    shift = random.uniform(-20, 20, 2)
    two = Affine.translation(500_000, 5e6) @ Affine.scale(pixel, -pixel)
    two = two @ Affine.translation(*shift)
    ground = Footprints.of(index_of([(one, size, "a"), (two, size, "b")]))
    fine = np.stack(np.meshgrid(*[np.linspace(0, size, 400)] * 2), -1).reshape(-1, 2)
    points = np.array((~two @ one) @ tuple(fine.T))
    inside = ((points > 0) & (points < size)).all(axis=0)
    found = len(overlapping(ground[[0]], ground[[1]])) > 0
    if inside.any():
        # by how far the deepest point lies inside of the other window
        depth = np.minimum(points, size - points).min(axis=0)[inside].max()
        assert found or depth < 1
    else:
        assert not found


@few
@given(share=st.floats(0.02, 0.98), east=st.booleans())
def test_ground_in_two_zones_is_compared_in_one(share, east):
    size, pixel = 100, 10.0
    here = square(300_000.0, 5_300_000.0, pixel)
    side = size * pixel
    along = (share if east else -share) * side
    (x,), (y,) = transform("EPSG:32633", "EPSG:32632", [300_000.0 + along], [5_300_000.0])
    index = pd.concat(
        [
            index_of([(here, size, "a/1.tif")]),
            index_of([(square(x, y, pixel), size, "b/1.tif")], "EPSG:32632"),
            index_of([(square(x + 5 * side, y, pixel), size, "c/1.tif")], "EPSG:32632"),
        ],
        ignore_index=True,
    )
    one, two, three = assign_locations(index, IngestionParameters())
    assert one == two != three


def test_windows_side_by_side_do_not_overlap():
    windows = [(square(16.0 * x, 16.0 * y), 16, f"{x} {y}") for x in range(5) for y in range(5)]
    ground = Footprints.of(index_of(windows))
    assert (overlapping(ground, ground) == np.repeat(np.arange(25), 2).reshape(-1, 2)).all()


def test_ground_of_an_unusable_system_is_compared_within_it():
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    windows = [(square(0, 0), 16, "a"), (square(8, 0), 16, "b"), (square(99, 0), 16, "c")]
    index = pd.concat([index_of(windows, local), index_of(windows)], ignore_index=True)
    pairs = {tuple(pair) for pair in overlapping(*[Footprints.of(index)] * 2).tolist()}
    assert pairs == {(n, n) for n in range(6)} | {(0, 1), (1, 0), (3, 4), (4, 3)}


def test_places_that_share_ground_are_counted_in_the_message():
    index = index_of([(square(8.0 * n, 0), 16, f"{n}/a.tif") for n in range(6)])
    index["place"] = assign_places(index, IngestionParameters(place="folder"))
    index["location"] = assign_locations(index, IngestionParameters())
    with pytest.raises(Exception, match=r"6 place\(s\), which make 1 since they share ground"):
        make_splits(index, SplitParameters())
