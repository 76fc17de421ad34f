"""Whole explanations: of an image with truth, of a scene, on the command line; their faults."""

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner
from explained import ground, image, small_lean
from pydantic import ValidationError

from sen2naip_sr.command import main
from sen2naip_sr.errors import UserError
from sen2naip_sr.explain.chips import draw, explain_image
from sen2naip_sr.explain.parameters import ExplainParameters
from sen2naip_sr.explain.scene import parse_window
from sen2naip_sr.explain.subjects import reference, subjects
from sen2naip_sr.explain.tables import details_of, row_of
from sen2naip_sr.explain.windows import Window, most_detailed_window
from sen2naip_sr.explain.words import describe

QUICK = ExplainParameters(steps=10, check_steps=4, band_steps=2, window=4, captum=False)


@pytest.fixture(scope="module")
def found():
    return explain_image(image(), [small_lean(), reference(4)], None, QUICK)


def test_a_row_has_the_numbers_of_an_explanation(found):
    row = row_of(image(), found[0])
    assert (row["model"], row["image"]) == ("lean", "made")
    assert row["completeness_error"] < 0.05
    assert row["radius_metres"] == pytest.approx(1.2 * row["radius"])
    assert row["improvement"] + row["omission"] + row["hallucination"] == pytest.approx(1)
    assert np.isfinite([row[key] for key in ("gain_db", "restored", "consistency")]).all()
    assert row_of(image(), found[1])["gain_db"] == 0


def test_details_hold_every_matrix_and_curve(found):
    table = details_of(image(), found[0])
    shares = table[table["measure"] == "band share"]
    assert len(shares) == 16 * len(found[0].matrices)
    to_red = shares[shares["name"].str.endswith("> Red")]
    assert to_red.groupby("group")["value"].sum().to_numpy() == pytest.approx(1)
    assert {"restored", "invented", "gain", "brightness", "land cover"} <= set(table["measure"])


def test_the_words_say_what_the_numbers_are(found):
    text = describe(image(), found)
    one = found[0]
    assert f"comes from {one.spread.pixels_95} input pixels" in text
    assert f"PSNR {one.psnr_gain:+.2f} dB" in text
    assert "Each band is made from itself alone." in text
    assert "completeness error" in text
    without = image(truth=False)
    blind = explain_image(without, [small_lean(), reference(4)], None, QUICK)
    text = describe(without, blind)
    assert "Without truth these are signs, not proof." in " ".join(text.split())
    assert "PSNR" not in text


def test_the_figure_can_be_drawn_with_and_without_truth(found, tmp_path):
    blind = explain_image(image(truth=False), [small_lean(), reference(4)], None, QUICK)
    for picture, explanations in ((image(), found), (image(truth=False), blind)):
        draw(picture, explanations, synthetic=True).savefig(tmp_path / "figure.png")
        assert matplotlib.image.imread(tmp_path / "figure.png").std() > 0.1


def test_three_bands_have_no_land_cover():
    three = image()
    picture = type(three)(**{**three.__dict__, "lr": three.lr[:3], "truth": three.truth[:3],
                             "bands": three.bands[:3]})  # fmt: skip
    (only,) = explain_image(picture, [reference(3)], None, QUICK)
    assert [m.land_cover for m in only.matrices] == [""]


@pytest.mark.parametrize(
    ("window", "problem"),
    [
        (Window(0, 20, 4, 4), "needs 7 pixels around it"),
        (Window(20, 40, 4, 4), "columns 7 to 37"),
    ],
)
def test_windows_near_the_border_are_refused(window, problem):
    with pytest.raises(UserError, match=problem):
        explain_image(image(), [small_lean(), reference(4)], window, QUICK)


def test_small_images_are_refused():
    with pytest.raises(UserError, match="needs 21 more on each side"):
        explain_image(image(48), [small_lean(blocks=9), reference(4)], None, QUICK)


def test_the_most_detailed_window_is_where_the_detail_is():
    picture = np.zeros((1, 40, 40))
    picture[0, 22:26, 13:17] = np.random.default_rng(0).random((4, 4))
    window = most_detailed_window(picture, 6, 5)
    rows, columns = window.around(0)
    assert set(range(22, 26)) <= set(range(rows.start, rows.stop))
    assert set(range(13, 17)) <= set(range(columns.start, columns.stop))
    assert most_detailed_window(picture, 6, 18) is None
    assert most_detailed_window(picture, 4, 3, multiple=4).top % 4 == 0


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,100", "-1,2,8,8", "1,2,1,8"])
def test_windows_that_are_none_are_refused(text):
    with pytest.raises(UserError, match="column and row of its corner"):
        parse_window(text)


def test_networks_need_weights_of_the_image_s_bands():
    with pytest.raises(UserError, match="are for 4 bands, not 3"):
        subjects(["lean"], {}, {}, 3)
    names = [subject.name for subject in subjects(["lean", "default"], {}, {}, 4)]
    assert names == ["lean", "default", "bicubic"]


@pytest.mark.parametrize(
    "values", [{"models": ["leen"]}, {"kernel": 8}, {"weights": {"lean": "x"}}, {"models": []}]
)
def test_parameters_that_make_no_sense_are_refused(values):
    with pytest.raises(ValidationError):
        ExplainParameters(**values)


@pytest.fixture(scope="module")
def scene(tmp_path_factory, make_geotiff):
    return make_geotiff(tmp_path_factory.mktemp("scene") / "scene.tif", ground(100))


def test_a_window_of_a_scene_is_explained_on_the_command_line(scene, tmp_path):
    options = ["--window", "40,44,6,4", "--model", "lean", "--no-captum", "-o", tmp_path / "a.png"]
    result = CliRunner().invoke(main, ["explain", str(scene), *map(str, options)])
    assert result.exit_code == 0, result.output
    assert "Window of 6 x 4 pixels at column 40, row 44" in result.output
    assert "square of" in result.output  # metres are known
    assert matplotlib.image.imread(tmp_path / "a.png").std() > 0.1
    assert (tmp_path / "a.txt").read_text().strip() in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--window", "0,0,8,8"], "needs 17 pixels around it"),
        (["--window", "0,0"], "--window COL,ROW,WIDTH,HEIGHT"),
        (["--window", "40,40,8,8", "--model", "leen"], "leen"),
        (["--window", "40,40,8,8", "--bands", "1,2,3"], "3 bands"),
    ],
)
def test_what_cannot_be_explained_is_said_without_a_traceback(scene, options, said):
    models = [] if "--model" in options else ["--model", "lean"]
    result = CliRunner().invoke(main, ["explain", str(scene), *options, *models, "--no-captum"])
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_window_with_gaps_is_refused(tmp_path, make_geotiff):
    pixels = ground(100)
    pixels[:, 50, 50] = 0
    path = make_geotiff(tmp_path / "gap.tif", np.maximum(pixels, 1) * (pixels > 0), nodata=0)
    options = ["--window", "40,44,6,4", "--model", "lean", "--no-captum"]
    result = CliRunner().invoke(main, ["explain", str(path), *options])
    assert result.exit_code == 1
    assert "pixels without data within 17 pixels of the window" in result.output
