import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.windows import Region, plan, reflected

few = settings(deadline=None, max_examples=25)
sizes = st.integers(1, 60)
plans = st.builds(
    plan,
    sizes,
    sizes,
    tile=st.integers(7, 70),
    halo=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 4, 8]),
)


@few
@given(size=st.integers(1, 30), before=st.integers(0, 70), after=st.integers(0, 70))
def test_reflection_is_that_of_numpy(size, before, after):
    expected = np.pad(np.arange(size), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflected(-before, before + size + after, size), expected)


@few
@given(tiles=plans)
def test_cores_cover_every_pixel_once(tiles):
    written = np.zeros((tiles.height, tiles.width), int)
    for tile in tiles:
        assert tile.height > 0
        assert tile.width > 0
        written[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert (written == 1).all()
    assert sum(1 for _ in tiles) == len(tiles)


@few
@given(
    height=sizes,
    width=sizes,
    tile=st.integers(7, 70),
    halo=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 4, 8]),
)
def test_windows_have_one_shape_the_halo_and_the_grid(height, width, tile, halo, multiple):
    tiles = list(plan(height, width, tile=tile, halo=halo, multiple=multiple))
    assert len({(t.window_height, t.window_width) for t in tiles}) == 1
    for t in tiles:
        assert max(t.height, t.width) < tile + multiple
        for start, stop, core_start, core_stop in (
            (t.window_top, t.window_top + t.window_height, t.top, t.top + t.height),
            (t.window_left, t.window_left + t.window_width, t.left, t.left + t.width),
        ):
            assert start % multiple == stop % multiple == 0
            assert start <= core_start - halo
            assert stop >= core_stop + halo


@few
@given(tiles=plans)
def test_tiles_come_row_by_row(tiles):
    corners = [(t.top, t.left) for t in tiles]
    assert corners == sorted(corners)


@few
@given(tiles=plans, scale=st.sampled_from([1, 2]))
def test_indices_make_the_window_whose_core_is_the_scene(tiles, scale):
    scene = np.random.default_rng(0).random((tiles.height, tiles.width))
    for t in tiles:
        rows, columns = t.indices(*scene.shape)
        window = scene[rows[:, None], columns].repeat(scale, 0).repeat(scale, 1)
        core = scene[t.top : t.top + t.height, t.left : t.left + t.width]
        np.testing.assert_array_equal(window[t.core(scale)], core.repeat(scale, 0).repeat(scale, 1))
        cut = slice(scale * tiles.margin, len(window) - scale * tiles.margin)
        narrow = slice(scale * tiles.margin, window.shape[1] - scale * tiles.margin)
        inner = window[cut, narrow][t.core(scale, trim=tiles.margin)]
        np.testing.assert_array_equal(inner, window[t.core(scale)])


def test_no_tile_is_much_smaller_than_the_others():
    tiles = list(plan(600, 260, tile=256, halo=10))
    assert {t.height for t in tiles} == {200}
    assert {t.width for t in tiles} == {130}


def test_long_plans_are_made_as_they_are_gone_through():
    tiles = plan(10**9, 10**9, tile=1, halo=0)
    assert next(iter(tiles)).top == 0
    assert len(tiles) == 10**18


@pytest.mark.parametrize("tile", [0, -1])
def test_tiles_without_a_pixel_are_refused(tile):
    with pytest.raises(UserError, match=f"tiles of {tile} pixels"):
        plan(10, 10, tile=tile, halo=1)


class Scene:
    def __init__(self, values):
        self.values = values
        _, self.height, self.width = values.shape

    def read(self, top, left, height, width):
        assert 0 <= top < top + height <= self.height
        assert 0 <= left < left + width <= self.width
        here = (slice(None), slice(top, top + height), slice(left, left + width))
        return self.values[here], self.values[here] > 0.5


@few
@given(tiles=plans, margin=st.integers(0, 9))
def test_regions_are_read_inside_the_scene_and_hold_window_and_core(tiles, margin):
    scene = Scene(np.random.default_rng(1).random((2, tiles.height, tiles.width)))
    for t in tiles:
        rows, columns = t.indices(tiles.height, tiles.width)
        region = Region.read(scene, rows, columns, margin)
        window = region.pick(region.values, rows, columns)
        np.testing.assert_array_equal(window, scene.values[:, rows[:, None], columns])
        inside = (slice(None), slice(t.top, t.top + t.height), slice(t.left, t.left + t.width))
        np.testing.assert_array_equal(region.values[region.core(t)], scene.values[inside])
        around = max(0, rows.min() - margin), max(0, columns.min() - margin)
        assert (region.top, region.left) == around
        assert region.values.shape[1] <= rows.max() + 1 - rows.min() + 2 * margin
