"""The imagery of a mixture: folders and stores, and what of them must not be seen."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform

from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.store import write_store
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.mixture.held_out import HeldOut
from sen2naip_sr.training.mixture.sources import imagery_hash, open_sources
from sen2naip_sr.training.parameters.mixture import MixtureParameters
from sen2naip_sr.weights.seen import look

few = settings(deadline=None, max_examples=15)
NOTHING = HeldOut(frozenset())
TOWN = HeldOut(frozenset({"town"}))
CROP = 16


def opened(held_out=NOTHING, bands=2, pixel_sizes=None, own=0, **sources):
    mixture = MixtureParameters(own=own, sources=sources, pixel_sizes=pixel_sizes or {1: 1})
    return open_sources(mixture, bands, CROP, held_out)


def drawn(source, count=200):
    return source.imagery.draw(32, 1, Draws(count, torch.Generator().manual_seed(0)))


def flat(value, size=40, bands=2, dtype=np.uint8):
    return np.full((bands, size, size), value, dtype)


@pytest.fixture
def places(tmp_path, make_geotiff):
    """Two places in subfolders: many dark chips, one bright one."""
    for number in range(4):
        make_geotiff(tmp_path / "town-2018" / f"{number}.tif", flat(50))
    make_geotiff(tmp_path / "hills-2018" / "0.tif", flat(200), transform=Affine(1, 0, 0, 0, -1, 0))
    return tmp_path


@pytest.fixture(scope="module")
def ground(tmp_path_factory, make_geotiff):
    """A place of one chip."""
    folder = tmp_path_factory.mktemp("ground")
    corner = Affine(1, 0, 500_000, 0, -1, 4_000_000)
    make_geotiff(folder / "here" / "0.tif", flat(200), transform=corner)
    return folder


def store(folder, chips, places):
    index = pd.DataFrame({"chip": range(len(chips)), "place": places, "location": places})
    with write_store(folder, "made up", chips.shape[1:], chips.dtype) as writer:
        for chip in chips:
            writer.append(chip)
        writer.tables, writer.content = {"index": index}, "content"
        writer.attributes = {"value_range": [0, 1000]}


def test_places_of_a_folder_are_drawn_alike(places):
    (source,) = opened(all={"path": str(places)})
    assert source.places == ("hills-2018", "town-2018")
    bright = (drawn(source) * 255 > 100).all((1, 2, 3)).float().mean()
    assert float(bright) == pytest.approx(0.5, abs=0.1)


def test_another_year_of_a_held_out_place_is_left_out_and_named(places, caplog):
    (source,) = opened(TOWN, all={"path": str(places)})
    assert source.places == ("hills-2018",)
    assert (drawn(source) == 200 / 255).all()
    assert "town-2018" in caplog.text


def test_a_location_may_be_named(places, caplog):
    hills = {"path": str(places / "hills-2018"), "location": "town-2020"}
    assert opened(TOWN, own=1, all=hills) == ()
    with pytest.raises(UserError) as caught:
        opened(TOWN, all=hills)
    assert caught.value.code == "mixture-empty"


def chips_at(*corners, size=40, crs="EPSG:26911", places=("trained", "other"), pixels=None):
    """An index of chips with these left and top sides, and the chips."""
    transforms = [json.dumps([1, 0, left, 0, -1, top]) for left, top in corners]
    index = pd.DataFrame(
        {"chip": range(len(corners)), "place": places, "crs": crs, "transform": transforms}
    )
    pixels = np.zeros((len(corners), 2, size, size), np.uint8) if pixels is None else pixels
    return index, ShardedArray.from_array(pixels)


@few
@given(left=st.integers(-39, 39), top=st.integers(-39, 39), system=st.sampled_from([11, 12]))
def test_what_shows_held_out_ground_is_left_out_whatever_its_name(left, top, system, ground):
    """In any window that overlaps, and in any coordinate system."""
    corner = (500_000 + left, 4_000_000 + top)
    if system == 12:
        (x,), (y,) = transform("EPSG:26911", "EPSG:26912", *[[value] for value in corner])
        corner = (x, y)
    held_out = HeldOut.of(*chips_at((0, 0), corner, crs=f"EPSG:269{system}"), np.array([0]))
    assert [source.places for source in opened(held_out, own=1, all={"path": str(ground)})] == []
    # beside it is not upon it
    beside = HeldOut.of(*chips_at((0, 0), (500_080 + left, 4_000_000)), np.array([0]))
    assert len(opened(beside, all={"path": str(ground)})) == 1


@pytest.mark.parametrize("looks", [True, False])
def test_what_looks_as_held_out_images_is_left_out_where_no_ground_is_known(
    looks, tmp_path, make_geotiff, caplog
):
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (3, 2, 40, 40)).astype(np.uint8)
    for number, image in enumerate(images[1:]):
        make_geotiff(
            tmp_path / "in" / f"{number}.tif", image, crs=None, transform=Affine.identity()
        )
    pixels = images[[0, 1]] if looks else images[[0, 0]]
    held_out = HeldOut.of(*chips_at((0, 0), (9, 9), crs="", pixels=pixels), np.array([0]))
    (source,) = opened(held_out, all={"path": str(tmp_path / "in")})
    everything = np.array([look(image) for image in images])
    shown = source.seen.shows(Footprints.unknown(3), everything)
    assert shown.tolist() == [False, not looks, True]
    assert ("left out" in caplog.text) == looks


def test_all_places_but_those_trained_on_are_held_out():
    index, chips = chips_at(
        *[(n, n) for n in range(3)], places=["a/one-2018", "two-2020.tif", "three"]
    )
    held_out = HeldOut.of(index, chips, np.array([2]), ["four-2016"])
    assert held_out.locations == {"one", "two", "four"}
    assert held_out.names("one-2020")
    assert not held_out.names("three-2020")


def test_a_store_leaves_out_its_chips_of_held_out_places(tmp_path):
    chips = np.stack([flat(value, dtype=np.uint16, bands=3) for value in (100, 500, 900)])
    store(tmp_path / "store", chips, ["town-2018", "hills", "hills"])
    (source,) = opened(TOWN, chips={"path": str(tmp_path / "store"), "bands": [3, 1]})
    assert source.imagery.deep
    assert drawn(source).unique().tolist() == pytest.approx([0.5, 0.9])
    assert drawn(source).shape == (200, 2, 32, 32)


def test_a_range_of_digital_numbers_can_be_given(places):
    given = {"path": str(places / "hills-2018"), "value_range": [0, 250]}
    (source,) = opened(hills=given)
    assert float(drawn(source).mean()) == pytest.approx(0.8, abs=1 / 255)


def test_images_smaller_than_crops_are_left_out(places, make_geotiff, caplog):
    make_geotiff(places / "hills-2018" / "small.tif", flat(7, size=20))
    (source,) = opened(hills={"path": str(places / "hills-2018")})
    assert (drawn(source) == 200 / 255).all()
    assert "smaller than a crop" in caplog.text


def test_a_source_of_images_that_are_all_smaller_than_crops_is_refused(tmp_path, make_geotiff):
    make_geotiff(tmp_path / "0.tif", flat(7, size=20))
    with pytest.raises(UserError) as caught:
        opened(small={"path": str(tmp_path)})
    assert caught.value.code == "mixture-too-small"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bands": [1]}, "mixture-bands-differ"),
        ({"bands": [1, 9]}, "unknown-band"),
        ({"path": "missing"}, "source-missing"),
    ],
)
def test_imagery_that_does_not_fit_is_refused(places, changes, code):
    with pytest.raises(UserError) as caught:
        opened(all={"path": str(places)} | changes)
    assert caught.value.code == code


def test_images_without_a_valid_crop_are_refused(tmp_path, make_geotiff):
    make_geotiff(tmp_path / "0.tif", flat(0), nodata=0)
    with pytest.raises(UserError) as caught:
        opened(empty={"path": str(tmp_path)})
    assert caught.value.code == "mixture-too-small"


def test_depths_are_not_mixed(places, make_geotiff):
    make_geotiff(places / "deep.tif", flat(3000, dtype=np.uint16))
    with pytest.raises(UserError) as caught:
        opened(all={"path": str(places)})
    assert caught.value.code == "mixture-depths-differ"


def test_the_hash_follows_pixels_and_not_paths(places, make_geotiff):
    def found(path):
        return imagery_hash(MixtureParameters(sources={"one": {"path": str(path)}}))

    before = found(places)
    moved = places.rename(places.with_name("moved"))
    assert found(moved) == before
    make_geotiff(moved / "town-2018" / "0.tif", flat(51))
    assert found(moved) != before
