import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rasterio.warp import transform

from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.weights.seen import ALIKE, Seen, content_of, look

few = settings(deadline=None, max_examples=25)
SIDE = 32


def landscapes(count, seed=0, bands=3):
    """Images with structure of several sizes, uint8: (n, C, 32, 32)."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(40, 200, (count, bands, 8, 8)).repeat(4, 2).repeat(4, 3)
    return (coarse + random.normal(0, 8, coarse.shape)).clip(0, 255).astype(np.uint8)


def index_of(corners, crs="EPSG:32633", pixel=1.0):
    rows = [
        {"chip": n, "crs": crs, "transform": json.dumps([pixel, 0, x, 0, -pixel, y])}
        for n, (x, y) in enumerate(corners)
    ]
    return pd.DataFrame(rows)


def seen_of(index, chips):
    return Seen.in_chips(index, ShardedArray.from_array(chips), index["chip"].to_numpy())


def shows(seen, index, chips):
    numbers = index["chip"].to_numpy()
    return seen.shows(*content_of(index, ShardedArray.from_array(chips), numbers)).tolist()


@few
@given(seed=st.integers(0, 9999), pixel=st.sampled_from([0.6, 2.5, 10.0]))
def test_ground_is_known_again_in_other_windows_and_systems(seed, pixel):
    random = np.random.default_rng(seed)
    side = SIDE * pixel
    corner = (400_000.0 + 0.2 * random.integers(1000), 5_300_000.0)
    seen = seen_of(index_of([corner], pixel=pixel), landscapes(1, seed))
    share = random.uniform(-0.9, 0.9)
    other = (corner[0] + share * side, corner[1] - share * side)
    (x,), (y,) = transform("EPSG:32633", "EPSG:32632", *[[value] for value in other])
    beside = (corner[0] + side, corner[1])
    fresh = landscapes(1, seed + 10_000)
    assert shows(seen, index_of([other], pixel=pixel), fresh) == [True]
    assert shows(seen, index_of([(x, y)], "EPSG:32632", pixel), fresh) == [True]
    assert shows(seen, index_of([(corner[0] + 3 * side, corner[1])], pixel=pixel), fresh) == [False]
    assert shows(seen, index_of([beside], pixel=pixel), fresh) == [False]


@few
@given(seed=st.integers(0, 9999), how=st.sampled_from(["noise", "scaled", "reduced", "float"]))
def test_images_without_a_place_are_known_again_by_their_looks(seed, how):
    chips = landscapes(6, seed)
    changed = {
        "noise": (chips + np.random.default_rng(seed).normal(0, 1, chips.shape)),
        "scaled": chips.astype(np.uint16) * 40 + 1000,
        "reduced": chips.reshape(6, 3, 16, 2, 16, 2).mean(axis=(3, 5)),
        "float": chips.astype(np.float32) / 255,
    }[how]
    index = index_of([(0, 0)] * 6, crs="")
    seen = seen_of(index, chips)
    assert shows(seen, index, changed) == [True] * 6
    assert shows(seen, index, landscapes(6, seed + 10_000)) == [False] * 6


def test_looks_of_other_images_are_far_apart():
    bits = np.unpackbits(np.stack([look(image) for image in landscapes(200)]), axis=1).astype(int)
    apart = (bits[:, None] != bits[None]).sum(axis=2)[~np.eye(200, dtype=bool)]
    assert apart.min() > 2 * ALIKE


def test_what_is_seen_survives_a_file_and_adds_up():
    chips = landscapes(2)
    one, two = (seen_of(index_of([(n * 9000.0 + 4e5, 5e6)]), chips[[n]]) for n in range(2))
    both = Seen.model_validate_json(Seen.together([one, two]).model_dump_json())
    assert both.complete
    assert not Seen.together([both, None]).complete
    places = index_of([(4e5, 5e6), (409_000.0, 5e6), (450_000.0, 5e6)])
    assert shows(both, places, landscapes(3, 99)) == [True, True, False]
    assert shows(one, places, landscapes(3, 99)) == [True, False, False]
    assert Seen.together([both, one]) == both


def test_a_store_without_places_is_compared_by_looks():
    chips = landscapes(2)
    bare = pd.DataFrame({"chip": [0, 1]})
    assert shows(seen_of(bare, chips), bare, chips) == [True, True]


def test_nothing_seen_shows_nothing():
    ground, looks = Footprints.boxes([]), np.empty((0, 16), np.uint8)
    index = index_of([(0, 0)])
    assert shows(Seen.of(ground, looks), index, landscapes(1)) == [False]


@pytest.mark.parametrize("field", ["ground", "looks"])
@pytest.mark.parametrize("text", ["A", "no base64!", "AAAA"])
def test_damaged_content_is_refused(field, text):
    with pytest.raises(ValidationError):
        Seen(**{field: text})


@few
@given(seed=st.integers(0, 9999), value=st.sampled_from([0, 3, 255]))
def test_images_of_even_water_are_no_evidence_of_each_other(seed, value):
    random = np.random.default_rng(seed)
    even = np.full((2, 3, SIDE, SIDE), value, np.uint8)
    # a few bright pixels, as of a ship
    at = random.integers(0, SIDE, (2, 2))
    even[0, :, *at[0]] = even[1, :, *at[1]] = 200
    index = index_of([(0, 0)] * 2, crs="")
    seen = seen_of(index.iloc[:1], even)
    other = np.full((2, 3, SIDE, SIDE), value, np.uint8)
    assert shows(seen, index, other) == [False, False]
