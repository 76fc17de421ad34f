"""What a network is told of a scene: given, estimated or assumed, and said."""

import logging

import numpy as np
import pytest
import rasterio
from tiny_weights import write_weights

from sen2naip_sr.errors import UserError
from sen2naip_sr.landscape.generator import STYLES, landscape
from sen2naip_sr.models.conditions import RECIPE_BLUR, Conditions
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.upscaling.arrays import upscale_array
from sen2naip_sr.upscaling.batch import upscale_all
from sen2naip_sr.upscaling.conditions import CONDITIONS, tell
from sen2naip_sr.upscaling.files import upscale_file
from sen2naip_sr.upscaling.parameters import make_options, make_parameters
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler

RANGE = (0.0, 255.0)


@pytest.fixture(scope="module")
def image():
    return landscape(3, STYLES[0], 128)


@pytest.fixture
def told_weights(tmp_path):
    return write_weights(tmp_path / "told.safetensors", conditions=True)


@pytest.fixture
def plain_weights(tmp_path):
    return write_weights(tmp_path / "plain.safetensors")


def upscaled(image, weights, **options):
    return upscale_array(Upscaler(make_options(weights=weights, device="cpu", **options)), image)


def told(image, **options):
    network = build_model("lean", 4, channels=4, blocks=1, conditions=True)
    return tell(make_options(**options), ArrayScene(image), RANGE, network.under)


def test_given_values_are_told_and_nothing_is_estimated(image):
    result = told(image, noise=2.5, blur=0.5, compression=90)
    noise, blur, compression = vars(result.conditions).values()
    assert result.sharpness == 1
    assert noise == pytest.approx((2.5 / 255,) * 4)
    assert blur == ((0.5, 0.5),) * 4
    assert compression == pytest.approx(0.2)
    assert all(result.in_words[name].endswith("(given)") for name in CONDITIONS)
    assert result.in_words["noise"].startswith("2.5 ")
    assert "90" in result.in_words["compression"]


def test_noise_is_written_without_an_exponent():
    deep = 2000 + 20.0 * landscape(3, STYLES[0], 128)
    noisy = (deep + np.random.default_rng(0).normal(0, 300, deep.shape)).astype("uint16")
    options = make_options(blur="recipe", compression="none")
    network = build_model("lean", 4, channels=4, blocks=1, conditions=True)
    scene, value_range = ArrayScene(noisy), (0.0, 10_200.0)
    words = tell(options, scene, value_range, network.under).in_words["noise"]
    levels = [float(level) for level in words.partition(" digital")[0].split(", ")]
    assert "e" not in words.partition(" digital")[0]
    assert all(level == pytest.approx(300, rel=0.4) and level % 10 == 0 for level in levels)
    given = tell(options.model_copy(update={"noise": 1020}), scene, value_range, network.under)
    assert given.in_words["noise"] == "1020 digital numbers (given)"


def test_words_stand_for_the_recipe(image):
    result = told(image, noise=0, blur="recipe", compression="none")
    assert result.conditions == Conditions.of_recipe(4)


def test_what_is_not_given_is_estimated(image):
    result = told(image, blur="recipe")
    assert result.conditions.blur == ((RECIPE_BLUR, RECIPE_BLUR),) * 4
    assert result.in_words["blur"].endswith("(given)")
    assert result.in_words["noise"].endswith("(estimated)")


def test_the_smallest_scene_that_can_be_estimated_from(image):
    result = told(image[:, :64, :64])
    assert all(result.in_words[name].endswith("(estimated)") for name in CONDITIONS)
    assert 0 <= result.sharpness <= 1
    assert all("assumed" in told(image[:, :64, :63]).in_words[name] for name in CONDITIONS)


def test_the_recipe_is_assumed_where_nothing_can_be_estimated(caplog):
    flat = np.full((4, 128, 128), 77, np.uint8)
    with caplog.at_level(logging.WARNING):
        result = told(flat)
    assert result.conditions == Conditions.of_recipe(4)
    assert "cannot be estimated, since every part of it is flat" in caplog.text
    assert "What to do" in caplog.text
    assert all("assumed" in result.in_words[name] for name in CONDITIONS)
    assert result.sharpness == 1


@pytest.mark.parametrize(
    "options",
    [
        {"noise": -1},
        {"noise": "much"},
        {"noise": float("nan")},
        {"blur": 0},
        {"blur": 5},
        {"compression": 20},
        {"compression": "jpeg"},
        {"sharpness": 1.5},
        {"sharpness": "high"},
        {"flat_areas": "off"},
    ],
)
def test_values_that_make_no_sense_are_refused(options):
    with pytest.raises(UserError) as caught:
        make_options(**options)
    assert caught.value.code == "options-invalid"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"noise": -1}, "noise: Input should be 'auto' or greater than or equal to 0"),
        ({"blur": 5}, "blur: Input should be 'auto' or 'recipe' or less than or equal to 2"),
        ({"tile": 1, "sharpness": 2}, "tile: Input should be greater than or equal to 16"),
    ],
)
def test_all_kinds_of_a_value_are_named_at_once(options, said):
    with pytest.raises(UserError) as caught:
        make_options(**options)
    found = caught.value.problem.split("; ")
    assert len(found) == len(options)
    assert said in found


def test_text_counts_as_a_number():
    assert make_options(noise="1.5", blur="0.4", compression="85").noise == 1.5


def test_more_noise_than_signal_is_refused(image):
    with pytest.raises(UserError) as caught:
        told(image, noise=50)
    assert caught.value.code == "noise-out-of-range"
    assert ArrayScene(image).name in caught.value.problem
    assert "25.5" in caught.value.remedy


def test_weights_without_conditions_refuse_to_be_told(image, plain_weights):
    for options in ({"noise": 2}, {"blur": 0.6}, {"compression": 90}):
        with pytest.raises(UserError) as caught:
            upscaled(image, plain_weights, **options)
        assert caught.value.code == "conditions-not-supported"


def test_weights_without_conditions_know_the_recipe(image, plain_weights):
    result = upscaled(image, plain_weights, noise=0, blur="recipe", compression="none")
    assert "noise" not in result.made_with
    np.testing.assert_array_equal(result.values, upscaled(image, plain_weights).values)


def test_what_is_told_changes_the_result(image, told_weights):
    clean = upscaled(image, told_weights, noise=0, blur="recipe", compression="none")
    noisy = upscaled(image, told_weights, noise=5, blur="recipe", compression="none")
    assert not np.array_equal(clean.values, noisy.values)
    assert noisy.made_with["noise"].startswith("5 digital numbers")


def test_options_of_one_upscaler_do_not_mix(image, told_weights):
    upscaler = Upscaler(make_options(weights=told_weights, device="cpu", noise=5))
    noisy = upscale_array(upscaler, image).values
    clean = upscale_array(upscaler.with_options(make_options(noise=0)), image).values
    assert not np.array_equal(noisy, clean)
    np.testing.assert_array_equal(upscale_array(upscaler, image).values, noisy)


@pytest.mark.parametrize("conditions", [False, True])
def test_sharpness_mixes_with_the_bicubic_upscaling(image, tmp_path, conditions):
    weights = write_weights(tmp_path / "w.safetensors", conditions=conditions)
    values = {
        share: upscaled(image.astype("float32"), weights, sharpness=share, value_range="0:255")
        for share in (0, 0.5, 1)
    }
    none, half, full = (values[share].values for share in (0, 0.5, 1))
    np.testing.assert_allclose(half, (none + full) / 2, atol=1e-2)
    assert np.abs(full - none).max() > 1
    assert values[0.5].made_with["sharpness"] == "0.5"


def test_a_given_sharpness_takes_the_place_of_the_estimated_one(image, told_weights):
    estimated = upscaled(image, told_weights)
    given = upscaled(image, told_weights, sharpness=0.3)
    assert given.made_with["sharpness"] == "0.3"
    assert {name: given.made_with[name] for name in CONDITIONS} == {
        name: estimated.made_with[name] for name in CONDITIONS
    }


def test_flat_areas_are_calmed_where_everything_is_estimated(image, told_weights):
    soft = (100 + (image - image.mean()) / 8).round().astype("uint8")
    calmed = upscaled(soft, told_weights)
    kept = upscaled(soft, told_weights, flat_areas="keep")
    assert calmed.made_with["flat_areas"].startswith("calmed by ")
    assert kept.made_with["flat_areas"] == "kept"
    assert not np.array_equal(calmed.values, kept.values)


@pytest.mark.parametrize("options", [{"noise": 0}, {"sharpness": 1}])
def test_given_values_keep_flat_areas(image, told_weights, options):
    automatic = upscaled(image, told_weights, **options)
    assert automatic.made_with["flat_areas"] == "kept"
    kept = upscaled(image, told_weights, flat_areas="keep", **options)
    np.testing.assert_array_equal(automatic.values, kept.values)


def test_flat_areas_are_kept_where_nothing_can_be_estimated(image, told_weights, plain_weights):
    flat = np.full((4, 128, 128), 77, np.uint8)
    assert upscaled(flat, told_weights).made_with["flat_areas"] == "kept"
    plain = upscaled(image, plain_weights)
    assert "flat_areas" not in plain.made_with
    np.testing.assert_array_equal(
        plain.values, upscaled(image, plain_weights, flat_areas="keep").values
    )


def test_without_conditions_the_whole_correction_is_used(image, plain_weights):
    automatic = upscaled(image, plain_weights)
    assert automatic.made_with["sharpness"] == "1"
    np.testing.assert_array_equal(
        automatic.values, upscaled(image, plain_weights, sharpness=1).values
    )


def test_tags_say_what_was_told(image, told_weights, make_geotiff, tmp_path):
    job = Job(make_geotiff(tmp_path / "a.tif", image), tmp_path / "a_x2.tif")
    upscale_file(Upscaler(make_options(weights=told_weights, noise=2, device="cpu")), job)
    with rasterio.open(job.target) as source:
        tags = source.tags()
    assert tags["SEN2NAIP_SR_NOISE"] == "2 digital numbers (given)"
    assert tags["SEN2NAIP_SR_BLUR"].endswith("(estimated)")
    assert tags["SEN2NAIP_SR_COMPRESSION"] == "none (estimated)"
    assert 0 <= float(tags["SEN2NAIP_SR_SHARPNESS"]) <= 1
    assert tags["SEN2NAIP_SR_FLAT_AREAS"] == "kept"


def test_a_result_told_something_else_is_out_of_date(image, told_weights, make_geotiff, tmp_path):
    source, lines = make_geotiff(tmp_path / "a.tif", image), []

    def state(**options):
        parameters = make_parameters(
            source=str(source), weights=told_weights, device="cpu", **options
        )
        return upscale_all(parameters, lines.append)[0].state

    assert state() == "done"
    assert any("estimated" in line for line in lines)
    assert state() == "skipped"
    assert state(noise=1, overwrite=True) == "done"
    assert state(noise=1) == "skipped"
    assert state(sharpness=0.5, overwrite=True) == "done"
    assert state(flat_areas="keep", overwrite=True) == "done"
    assert any("sharpness 0.5; flat areas kept" in line for line in lines)
