"""Places of any sensor, from their files to the table."""

import logging
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import random_pixels
from tiny_scenes import PLACE, make_scene
from tiny_weights import write_weights
from torch.nn import functional as F

from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.lr_store import downscale
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import REFERENCES
from sen2naip_sr.evaluation.figures.gains import draw_gains
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.test_sets.images import content_of_files, find_files, images
from sen2naip_sr.evaluation.test_sets.networks import all_networks
from sen2naip_sr.evaluation.test_sets.page import write_page
from sen2naip_sr.evaluation.test_sets.scoring import score_test_sets
from sen2naip_sr.evaluation.test_sets.table import tabulate
from sen2naip_sr.metrics.catalogue import QUICK
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.weights.files import load_weights
from sen2naip_sr.weights.seen import Seen

RECIPE = get_recipe("bicubic_antialiased")


def smooth(shape, dtype, top, seed=0):
    """Noise, smoothed so that there is something to interpolate, from 1 to ``top``."""
    noise = np.random.default_rng(seed).normal(size=shape)
    noise = sum(np.roll(noise, shift, axis) for shift in (0, 1, 2) for axis in (1, 2))
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return (1 + noise * (top - 1)).astype(dtype)


@pytest.fixture
def data(tmp_path):
    """A folder of two 8-bit chips, and a 16-bit scene of odd sides."""
    (tmp_path / "town").mkdir()
    for number in range(2):
        make_scene(tmp_path / f"town/{number}.tif", smooth((4, 48, 48), "uint8", 255, number))
    make_scene(tmp_path / "scene.tif", smooth((4, 71, 101), "uint16", 3000), **PLACE)
    return tmp_path


def parameters(folder, sets, **others):
    return EvaluationParameters.model_validate(
        {"folder": str(folder), "test_sets": sets, "accelerator": "cpu", "bootstrap_draws": 100}
        | others
    )


def read(folder, factor=1, **place):
    p = parameters(folder, {"x": place}).test_sets["x"]
    return list(images("x", p, find_files("x", p, folder), factor, RECIPE))


def test_a_scene_is_whole_down_to_even_sides_and_has_the_range_of_the_upscaler(data):
    (image,) = read(data, path="scene.tif")
    assert image.truth.shape == (4, 70, 100)
    assert image.truth.dtype == np.uint16
    # 3000 is above 2047 and at most 4095
    assert image.value_range == (0, 4095)
    np.testing.assert_array_equal(image.small, downscale(image.truth[None], RECIPE)[0])


def test_a_reduced_scene_is_its_area_mean(data):
    (whole,), (image,) = read(data, path="scene.tif"), read(data, 2, path="scene.tif")
    assert image.truth.shape == (4, 34, 50)
    blocks = whole.truth[:, :68, :100].reshape(4, 34, 2, 50, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(image.truth, np.rint(blocks).astype("uint16"))


def test_tiles_have_even_sides_and_locations_of_their_own(data):
    found = read(data, path="scene.tif", tile=33)
    assert [image.truth.shape for image in found] == [(4, 32, 32)] * 6
    assert len({image.location for image in found}) == 6
    assert {image.value_range for image in found} == {(0, 4095)}


@pytest.mark.parametrize(
    ("given", "expected"), [("auto", (0, 255)), ("0:200", (0, 200)), ("dtype", (0, 255))]
)
def test_the_value_range_can_be_given(data, given, expected):
    assert {image.value_range for image in read(data, path="town", value_range=given)} == {expected}


def test_two_dates_of_one_place_are_one_location(tmp_path):
    for date in ("new", "old"):
        make_scene(tmp_path / f"a-{date}.tif", random_pixels(4, 32, "uint8", 0))
    locations = [
        len({i.location for i in read(tmp_path, path=".", **given)})
        for given in ({}, {"date_pattern": "-(new|old)"})
    ]
    assert locations == [2, 1]


def test_files_that_cannot_be_used_are_left_out_with_the_reason(data, caplog):
    make_scene(data / "town/three.tif", smooth((3, 48, 48), "uint8", 255))
    (data / "town/broken.tif").write_bytes(b"no raster")
    empty = smooth((4, 48, 48), "uint8", 255)
    empty[:, :24] = 0
    make_scene(data / "town/empty.tif", empty, nodata=0)
    with caplog.at_level(logging.WARNING):
        assert len(read(data, path="town")) == 2
    said = " ".join(caplog.messages)
    assert "has no band 4" in said
    assert "is no raster" in said
    assert "50.0% of the pixels are valid" in said


def test_a_set_without_a_usable_image_is_refused(tmp_path):
    make_scene(tmp_path / "small.tif", random_pixels(4, 16, "uint8", 0))
    with pytest.raises(UserError, match="test set x: none of its 1 files"):
        read(tmp_path, path="small.tif")


def test_a_missing_folder_is_refused_before_anything_is_scored(data):
    sets = {"here": {"path": "town"}, "there": {"path": "nowhere"}}
    with pytest.raises(UserError, match=r"test set there: .*nowhere: no such folder"):
        score_test_sets([], parameters(data, sets))


def test_the_number_of_files_can_be_limited(data):
    place = parameters(data, {"x": {"path": "town"}}).test_sets["x"]
    assert len(find_files("x", place, data, 1)) == 1
    assert len(find_files("x", place, data, 9)) == 2


def of_all_bands(scores):
    return scores[scores["band"] == "all"]


def test_scores_are_those_of_the_definition(data):
    """PSNR of bilinear interpolation, with the upscaler's range as its peak."""
    scores = of_all_bands(score_test_sets([], parameters(data, {"alps": {"path": "scene.tif"}})))
    (image,) = read(data, path="scene.tif")
    import torch

    small = torch.from_numpy(image.small[None].astype(np.float32))
    upscaled = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)[0]
    error = (upscaled.numpy().round() - image.truth)[:, 4:-4, 4:-4]
    expected = 10 * math.log10(4095**2 / np.square(error, dtype=np.float64).mean())
    row = scores[scores["method"] == "bilinear"].iloc[0]
    assert row["psnr"] == pytest.approx(expected, abs=1e-4)
    assert np.isfinite(row[list(QUICK)].astype(float)).all()


def test_every_set_is_scored_at_every_pixel_size_with_every_method(data):
    sets = {
        "town": {"path": "town", "sensor": "NAIP", "pixel_metres": 0.6},
        "alps": {"path": "scene.tif", "sensor": "S2", "pixel_metres": 10, "reduce": [1, 2]},
    }
    weights = {"mine": str(write_weights(data / "w.safetensors"))}
    p = parameters(data, sets, weights=weights)
    scores = of_all_bands(score_test_sets(all_networks(p, {}), p))
    count = scores.groupby(["sensor", "place", "pixel_metres", "method"]).size().unstack()
    assert set(count) == {"mine", *INTERPOLATIONS, *REFERENCES}
    assert count["mine"].to_dict() == {
        ("NAIP", "town", 0.6): 2,
        ("S2", "alps", 10.0): 1,
        ("S2", "alps", 20.0): 1,
    }
    assert scores.groupby("method")["trained"].first().to_dict() == dict.fromkeys(count, False) | {
        "mine": True
    }


@pytest.mark.parametrize("by", ["ground", "looks", "name alone"])
def test_weights_that_have_seen_a_test_set_under_another_name_are_left_out(by, data, caplog):
    p = parameters(data, {"mall": {"path": "scene.tif"}})
    files = find_files("mall", p.test_sets["mall"], data)
    ground, looks = content_of_files(files, [1, 2, 3, 4])
    assert len(ground) == len(looks) == len(files) > 0
    nothing = Footprints.boxes([]), np.empty((0, 16), np.uint8)
    seen = {
        "ground": Seen.of(ground, nothing[1]),
        "looks": Seen.of(nothing[0], looks),
        # all that they have seen is known, and this is not: it is another place of that name
        "name alone": Seen.of(*nothing),
    }[by]
    place = "mall" if by == "name alone" else "elsewhere"
    file = write_weights(data / "w.safetensors", train_places=[place], seen=seen)
    p = parameters(data, {"mall": {"path": "scene.tif"}}, weights={"mine": str(file)})
    with caplog.at_level(logging.WARNING):
        scores = score_test_sets(all_networks(p, {}), p)
    left_out = "mine is not scored on mall: it was trained on ground that" in caplog.text
    assert ("mine" not in set(scores["method"])) == left_out == (by != "name alone")


@pytest.mark.parametrize(
    ("changes", "origin"),
    [
        ({}, ""),
        ({"shipped_as": "lean"}, "shipped"),
        ({"synthetic": True}, "synthetic images"),
    ],
)
def test_tables_and_figure_of_test_sets_say_where_weights_are_from(data, changes, origin):
    shipped = changes.pop("shipped_as", None)
    file = write_weights(data / "w.safetensors", **{"seen": Seen()} | changes)
    weights = {"lean": replace(load_weights(file), shipped_as=shipped)}
    p = parameters(data, {"mall": {"path": "town"}})
    scores = score_test_sets(all_networks(p, weights), p)
    table = tabulate(scores, p.resampling).assign(failed=False)
    named = f"lean ({origin})" if origin else "lean"
    page = write_page(table)
    assert page.count(f"| {named} |") == 2
    (legend,) = draw_gains(table).legends
    assert named in [text.get_text() for text in legend.get_texts()]


def test_a_network_below_the_linear_filter_is_marked_where_it_is(data):
    sets = {"mall": {"path": "town"}, "alps": {"path": "scene.tif"}}
    weights = {"mine": str(write_weights(data / "w.safetensors"))}
    p = parameters(data, sets, weights=weights)
    scores = score_test_sets(all_networks(p, {}), p)
    scores.loc[(scores["method"] == "mine") & (scores["place"] == "mall"), "psnr"] = 99.0
    gains, everything = write_page(tabulate(scores, p.resampling)).split("\n\n")[:2]
    (row,) = (line for line in gains.splitlines() if line.startswith("| mine |"))
    assert row.count("failed") == 1
    assert everything.count("| mine (failed) |") == 1
    assert everything.count("| mine |") == 2  # the other place, and the mean

    scores.loc[scores["method"] == "mine", "psnr"] = 1.0
    assert "| mine (failed) |" in write_page(tabulate(scores, p.resampling)).split("\n\n")[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train_places": ["town"]}, "trained on town"),
        ({"recipe": "area@1"}, "downscaling recipe area@1, not bicubic_antialiased@1"),
        ({"bands": 3}, "3 bands, not 4"),
    ],
)
def test_weights_that_must_not_be_scored_are_left_out_with_the_reason(
    data, changes, reason, caplog
):
    weights = {"mine": str(write_weights(data / "w.safetensors", **changes))}
    p = parameters(data, {"mall": {"path": "town"}}, weights=weights)
    with caplog.at_level(logging.WARNING):
        scores = score_test_sets(all_networks(p, {}), p)
    assert "mine" not in set(scores["method"])
    assert "mine is not scored on mall: it was trained" in " ".join(caplog.messages)
    assert reason in " ".join(caplog.messages)


def test_conditioned_weights_are_told_the_recipe_the_estimates_or_both(data):
    noisy = smooth((4, 192, 192), "uint8", 200) + random_pixels(4, 192, "uint8", 0) // 8
    make_scene(data / "large.tif", noisy)
    weights = {
        "told": str(write_weights(data / "c.safetensors", conditions=True)),
        "plain": str(write_weights(data / "p.safetensors")),
    }

    def scored(told):
        p = parameters(data, {"large": {"path": "large.tif"}}, weights=weights, told=told)
        scores = of_all_bands(score_test_sets(all_networks(p, {}), p))
        return scores[scores["trained"]].groupby("method")["psnr"].mean()

    recipe, both = scored(["recipe"]), scored(["recipe", "estimates"])
    assert set(recipe.index) == {"told", "plain"}
    assert set(both.index) == {"told", "plain", "told, estimated"}
    pd.testing.assert_series_equal(both[recipe.index], recipe)
    assert both["told"] != both["told, estimated"]


@pytest.mark.parametrize(
    "given", [{"weights": {"lanczos": "x"}}, {"weights": {"a": "x"}, "peers": {"a": "y"}}]
)
def test_a_name_that_is_taken_is_refused(data, given):
    with pytest.raises(UserError, match="is the name of two methods"):
        all_networks(parameters(data, {}, **given), {})


def test_networks_can_be_chosen(data):
    found = {"lean": load_weights(write_weights(data / "w.safetensors"))}
    assert [m.name for m in all_networks(parameters(data, {}), found)] == ["lean"]
    assert all_networks(parameters(data, {}, networks=["carn"]), found) == []


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"path": "x", "reduce": [0]}, "factors are 1 or more"),
        ({"path": "x", "reduce": [4], "tile": 64}, "too small to be reduced 4 times"),
        ({"path": "x", "date_pattern": "("}, "date_pattern"),
        ({"path": "x", "sensr": "S2"}, "did you mean 'sensor'"),
        ({}, "path"),
    ],
)
def test_faulty_places_are_refused(place, problem):
    with pytest.raises(ValueError, match=problem):
        parameters(".", {"x": place})


def test_estimates_give_what_the_upscaler_gives(data):
    """The same network, told the same of one image; the upscaler reflects the edges."""
    from sen2naip_sr.evaluation.methods import network_for, variants
    from sen2naip_sr.inference.predict import predict
    from sen2naip_sr.upscaling.arrays import upscale_array
    from sen2naip_sr.upscaling.parameters import UpscalerParameters
    from sen2naip_sr.upscaling.upscaler import Upscaler

    weights = load_weights(write_weights(data / "c.safetensors", conditions=True))
    image = smooth((4, 96, 96), "uint8", 200) + random_pixels(4, 96, "uint8", 0) // 8
    (method,) = variants("a", "a", weights, ["estimates"])
    network = network_for(method, image, (0, 255), "cpu")
    (ours,) = predict(network, image[None], (0, 255))
    plain = UpscalerParameters.model_validate({"device": "cpu"})
    theirs = upscale_array(Upscaler(plain, weights), image).values
    halo = 2 * network.halo
    inside = (slice(None), slice(halo, -halo), slice(halo, -halo))
    assert ours[inside].size
    assert np.abs(ours[inside] - theirs[inside].astype(float)).max() <= 1
