import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp as Kind
from tiny_scenes import HEIGHT, WIDTH, make_scene, noise

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import find_colours, suggestion
from sen2naip_sr.raster.scene import open_scene

RGB = [Kind.red, Kind.green, Kind.blue]
PLAIN = Kind.undefined


def named(*names):
    def describe(target):
        for number, name in enumerate(names, 1):
            target.set_band_description(number, name)

    return describe


def opened(path, values, **options):
    count, bands = options.pop("count", None), options.pop("bands", None)
    with open_scene(make_scene(path, values, **options), bands, count) as scene:
        return [band.number for band in scene.bands], scene.alpha and scene.alpha.number


@pytest.mark.parametrize("hidden", [0, 255])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.58, 0.95])
def test_near_infrared_that_is_marked_as_alpha_stays_an_image_band(tmp_path, hidden, share):
    values = noise(4, HEIGHT, WIDTH)
    values[:, :, : round(share * WIDTH)] = hidden
    found = opened(tmp_path / "a.tif", values, kinds=[*RGB, Kind.alpha], count=4)
    assert found == ([1, 2, 3, 4], None)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("alpha", ["hard", "soft", "ones", "empty"])
@pytest.mark.parametrize("count", [4, None])
def test_a_declared_alpha_behind_the_wanted_bands_is_alpha(tmp_path, dtype, alpha, count):
    values = noise(5, HEIGHT, WIDTH, dtype)
    made = {
        "hard": np.arange(WIDTH) % 3 * 127.5,
        "soft": np.linspace(0, 255, WIDTH),
        "ones": np.arange(WIDTH) % 2,
        "empty": np.zeros(WIDTH),
    }
    values[4] = made[alpha].astype(dtype)
    kinds = [*RGB, PLAIN, Kind.alpha]
    assert opened(tmp_path / "a.tif", values, kinds=kinds, count=count) == ([1, 2, 3, 4], 5)
    with open_scene(tmp_path / "a.tif", count=count) as scene:
        _, valid = scene.read(0, 0, HEIGHT, WIDTH)
    np.testing.assert_array_equal(valid, np.broadcast_to(values[4] != 0, valid.shape))


def test_a_band_called_alpha_is_alpha(tmp_path):
    names = named("red", "green", "blue", "nir", "Alpha")
    found = opened(tmp_path / "a.tif", noise(5, HEIGHT, WIDTH), describe=names, count=4)
    assert found == ([1, 2, 3, 4], 5)


def test_a_band_that_can_only_be_alpha_is_not_taken_for_near_infrared(tmp_path):
    values = noise(4, HEIGHT, WIDTH)
    values[3] = 255
    values[3, :5] = 0
    with pytest.raises(UserError, match="band 4 is marked as alpha") as error:
        opened(tmp_path / "a.tif", values, kinds=[*RGB, Kind.alpha], count=4)
    assert "4, among the bands" in error.value.remedy
    assert "besides it" in error.value.remedy
    found = opened(tmp_path / "a.tif", values, kinds=[*RGB, Kind.alpha], bands=[1, 2, 3, 4])
    assert found == ([1, 2, 3, 4], None)


SENTINEL = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(SENTINEL), style=st.sampled_from(["{}", "{} (10 m)", " {}"]))
def test_bands_are_chosen_by_their_names_in_any_order(tmp_path_factory, order, style):
    path = tmp_path_factory.mktemp("named") / "a.tif"
    values = noise(len(order), 8, 8)
    make_scene(path, values, describe=named(*(style.format(name) for name in order)))
    for wanted in (["B04", "B03", "B02", "B08"], ["b4", "b3", "b2", "b8"], ["B8A", "b12"]):
        spelled = [name.upper().replace("B0", "B") for name in order]
        numbers = [spelled.index(name.upper().replace("B0", "B")) + 1 for name in wanted]
        with open_scene(path, wanted) as scene:
            window, _ = scene.read(0, 0, 8, 8)
        np.testing.assert_array_equal(window, values[[number - 1 for number in numbers]])


@pytest.mark.parametrize(
    ("wanted", "problem", "remedy"),
    [
        (["B09"], "unknown band 'B09'", "1 B04, 2 B03"),
        (["twice"], "bands 3, 4 are all called 'twice'", "numbers"),
    ],
)
def test_names_that_choose_no_single_band_are_refused(tmp_path, wanted, problem, remedy):
    path = make_scene(
        tmp_path / "a.tif", noise(4, 8, 8), describe=named("B04", "B03", "twice", "twice")
    )
    with pytest.raises(UserError, match=problem) as error:
        open_scene(path, wanted)
    assert remedy in error.value.remedy


def test_bands_are_chosen_by_their_colours(tmp_path):
    values = noise(3, 8, 8)
    path = make_scene(tmp_path / "a.tif", values, kinds=[Kind.blue, Kind.green, Kind.red])
    with open_scene(path, ["red", "green", "blue"]) as scene:
        np.testing.assert_array_equal(scene.read(0, 0, 8, 8)[0], values[::-1])


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (SENTINEL, (4, 3, 2, 8)),
        (["B2", "B3", "B4", "B8"], (3, 2, 1, 4)),
        ([f"SR_B{n}" for n in range(1, 8)], (4, 3, 2, 5)),
        (["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"], (3, 2, 1, 4)),
        (["blue", "green", "red", "nir"], (3, 2, 1, 4)),
        (["Blue (490 nm)", "Green", "Red", "RedEdge", "Near Infrared"], (3, 2, 1, 5)),
        (["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"],
         (6, 4, 2, 8)),
        (["a", "b2", "c", "d", "e"], None),
        ([None] * 5, None),
    ],
)  # fmt: skip
def test_colours_are_known_by_names(names, numbers):
    assert find_colours(names, [PLAIN] * len(names)) == numbers


def test_the_choice_is_made_from_the_file():
    plain = [PLAIN] * 13
    assert suggestion(SENTINEL, plain[:12]).startswith("choose bands 4, 3, 2, 8 (B04, B03, B02")
    assert "in the order of Sentinel-2 they are 4, 3, 2, 8" in suggestion([None] * 13, plain)
    assert "in the order of PlanetScope they are 6, 4, 2, 8" in suggestion([None] * 8, plain[:8])
    assert suggestion([None] * 3, RGB) == (
        "give a file with all four; its bands are 1 red, 2 green, 3 blue"
    )
    assert "1 vv, 2 vh, 3 x, 4 y, 5 z" in suggestion(["vv", "vh", "x", "y", "z"], plain[:5])
