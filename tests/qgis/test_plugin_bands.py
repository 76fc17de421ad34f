"""Which bands are red, green, blue and near-infrared; which bands of a result are drawn."""

import pytest
from sen2naip_sr_qgis.core.bands import described, parse, preset, require
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.styles import alpha_band, moved

from sen2naip_sr.raster.band_names import find_colours

SENTINEL_2 = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12".split()
NAMED = {
    "in order": (["Red", "Green", "Blue", "NIR"], (1, 2, 3, 4)),
    "turned": (["blue", "green", "red", "near-infrared"], (3, 2, 1, 4)),
    "Sentinel-2": (SENTINEL_2, (4, 3, 2, 8)),
    "Landsat 8": (["SR_B2", "SR_B3", "SR_B4", "SR_B5"], (3, 2, 1, 4)),
    "Landsat 7": (["B1", "B2", "B3", "B4", "B5", "B7"], (3, 2, 1, 4)),
}


@pytest.mark.parametrize(("names", "numbers"), NAMED.values(), ids=NAMED)
def test_names_tell_the_bands_as_they_tell_the_command(names, numbers):
    shown = [f"Band {number}: {name}" for number, name in enumerate(names, 1)]
    found = preset(shown)
    assert found.named
    assert found.numbers == numbers
    # an independent reference: the command's own reading of the same names
    assert find_colours(names, []) == numbers


def test_names_of_gdal_s_sentinel_2_driver():
    waves = zip(("B4", "B3", "B2", "B8"), (665, 560, 490, 842), strict=True)
    names = [f"Band {n}: {b}, central wavelength {w} nm" for n, (b, w) in enumerate(waves, 1)]
    assert preset(names).numbers == (1, 2, 3, 4)


def test_a_fourth_band_called_alpha_beside_the_colours_is_near_infrared():
    names = [f"Band {number}" for number in range(1, 5)]
    found = preset(names, ["Red", "Green", "Blue", "Alpha"])
    assert (found.numbers, found.named) == ((1, 2, 3, 4), True)
    assert "near-infrared" in found.why


def test_four_nameless_bands_are_taken_in_their_order_and_more_are_not():
    assert preset(["Band 1", "Band 2", "Band 3", "Band 4"]) == preset(["Bande 1"] + ["Band 2"] * 3)
    assert not preset(["Band 1"] * 4).named
    names = [f"Band {number}" for number in range(1, 9)]
    with pytest.raises(Problem, match="Nothing tells which of the 8 bands of 'planet'") as caught:
        require(preset(names), "planet", names)
    assert "parameter 'Bands'" in caught.value.remedy
    with pytest.raises(Problem, match="has 1 band; red") as caught:
        require(preset(["Band 1"]), "pan", ["Band 1"])
    assert "Build Virtual Raster" in caught.value.remedy


def test_two_bands_of_one_name_tell_nothing():
    assert preset(["Band 1: Red"] * 2 + ["Band 3: Green", "Band 4: Blue", "NIR"]).numbers is None


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("Band 1: Red", "Red"),
        ("Band 4 (Alpha)", "Alpha"),
        ("Kanal 2", ""),
        ("Bande 10: B08: 842 nm", "B08: 842 nm"),
    ],
)
def test_qgis_puts_a_number_before_names(shown, name):
    assert described(shown) == name


def test_typed_bands():
    assert parse("3, 2,1 4", 4) == (3, 2, 1, 4)
    assert parse(" ", 4) is None
    for typed in ("1,2,3,5", "0,1,2,3", "1,2,3,x", "1,2,2,3", "-1,2,3,4", "²,1,2,3"):
        with pytest.raises(Problem, match="3,2,1,4"):
            parse(typed, 4)


def test_a_renderer_is_moved_to_the_bands_of_the_result():
    assert moved([8, 4, 3], (4, 3, 2, 8)) == [4, 1, 2]
    assert moved([-1, 4], (4, 3, 2, 8)) == [-1, 1]
    assert moved([11], (4, 3, 2, 8)) is None


def test_an_upscaled_band_is_never_drawn_as_alpha():
    assert alpha_band(4, (1, 2, 3, 4), 4) == -1
    assert alpha_band(4, (1, 2, 3, 4), 5) == -1
    assert alpha_band(-1, (1, 2, 3, 4), 4) == -1
    assert alpha_band(5, (1, 2, 3, 4), 5) == 5  # a true one, which the command keeps behind
