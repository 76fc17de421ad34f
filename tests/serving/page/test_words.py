"""What the page says: networks, results, errors, and the fields of its form."""

import re

import pytest
import served  # noqa: F401 - skips where the extra is missing

from sen2naip_sr.errors import UserError
from sen2naip_sr.serving.page import captions
from sen2naip_sr.serving.page.form import AUTOMATIC, GIVEN, WHOLE, Form
from sen2naip_sr.serving.page.remedies import ON_THE_PAGE, as_html, in_plain_words
from sen2naip_sr.weights.names import shipped_names

FORM = {
    "model": "default", "value_range": AUTOMATIC, "low": None, "high": None, "consistency": False,
    "uncertainty": False, "ensemble": False, "bands": "", "nodata": "",
}  # fmt: skip


@pytest.fixture(name="networks", scope="module")
def by_model(networks):
    return {choice.entry.model: choice for choice in networks}


def test_every_network_has_a_name_quality_size_and_speed(networks):
    assert list(networks)[:3] == ["default", "fast", "best"]
    assert set(networks) == set(shipped_names())
    assert len({choice.name for choice in networks.values()}) == len(networks)
    for choice in networks.values():
        assert re.fullmatch(r"\+\d\.\d dB \(\+\d+\.\d to \+\d+\.\d\)", choice.gain)
        assert re.fullmatch(r"about \d+(\.\d)? s", choice.speed)
        told = captions.about_network(choice)
        assert choice.gain in told
        assert f"{choice.entry.megabytes:.1f} MB" in told


def test_speeds_are_those_of_the_measured_networks(networks):
    assert networks["best"].seconds / networks["default"].seconds == pytest.approx(7.6, abs=0.1)


def test_captions_name_what_a_network_was_measured_on(networks):
    for choice in networks.values():
        said = captions.what_it_has_seen(choice)
        assert choice.name in said
        assert f"{len(choice.entry.quality)} places" in said
        for place in choice.entry.quality:
            assert place.sensor.partition(",")[0] in said
        assert "nothing is known" in said
        assert re.match(r"## (Trained on|Data)\n", choice.card)
        assert "## Intervals" in choice.card
        assert "## Training" not in choice.card


PROMISE = "90% of true values lie within the half-width of the result, on clean images"
DOUBT = (
    "nothing is promised of this scene: the calibration's scene factors are 0.71 to 1.56, it is "
    "noisy"
)


def test_intervals_are_promised_only_where_they_can_be(networks):
    choice = networks["default"]
    assert captions.what_intervals_promise(choice, {}) == ""
    said = captions.what_intervals_promise(choice, {"intervals": f"{PROMISE}; scene factor 1"})
    assert PROMISE in said
    assert "85% to 96% did" in said
    several = f"{PROMISE} (NAIP, 0.6 m; Sentinel-2, 10 m)"
    told = captions.what_intervals_promise(choice, {"intervals": f"{several}; scene factor 1"})
    assert f"{several}. " in told
    assert "factor" not in told
    said = captions.what_intervals_promise(choice, {"intervals": f"{PROMISE}; {DOUBT}"})
    assert "cannot be promised" in said
    assert "it is noisy" in said
    assert "factor" not in said
    assert "did" not in said


def test_small_objects_are_never_to_be_believed(networks):
    for choice in networks.values():
        assert captions.NOT_TO_BE_BELIEVED in captions.notes(choice, {})


def test_texts_of_files_are_no_html():
    assert "<b>" not in captions.tag_table({"<b>": "<b>"})
    assert "<b>" not in captions.downloads([("<b>", "<b>", "<b>")])
    assert "<b>" not in as_html("<b>", "<b>")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"value_range": "auto", "bands": None, "nodata": None}),
        ({"value_range": WHOLE}, {"value_range": "dtype"}),
        ({"value_range": GIVEN, "low": 0, "high": 10_000}, {"value_range": "0:10000"}),
        ({"value_range": GIVEN, "low": 0.5, "high": 2.0}, {"value_range": "0.5:2"}),
        ({"bands": " 3, 2,1 ,4"}, {"bands": [3, 2, 1, 4]}),
        ({"bands": "B04,B03,B02,B08"}, {"bands": ["B04", "B03", "B02", "B08"]}),
        ({"nodata": "-9999"}, {"nodata": -9999}),
        ({"uncertainty": True, "consistency": True}, {"uncertainty": True, "consistency": True}),
    ],
)
def test_the_form_becomes_options(given, expected):
    options = Form(**FORM | given).options()
    assert {name: getattr(options, name) for name in expected} == expected
    assert options.model == "default"


@pytest.mark.parametrize(
    "given",
    [
        {"value_range": GIVEN},
        {"value_range": GIVEN, "low": 5, "high": 5},
        {"value_range": GIVEN, "low": 0, "high": float("nan")},
        {"value_range": GIVEN, "low": 0, "high": float("inf")},
        {"bands": "0"},
        {"bands": "1,1"},
        {"nodata": "none"},
        {"model": "unheard-of"},
        {"model": None},
    ],
)
def test_what_is_not_valid_in_the_form_is_told(given, tmp_path):
    with pytest.raises(UserError) as raised:
        Form(**FORM | given).options()
    for text in in_plain_words(raised.value, tmp_path):
        assert text.endswith(".")


def test_errors_name_no_path_of_the_server_and_no_option_of_others(tmp_path):
    path = tmp_path / "page" / "results" / "ticket" / "hidden" / "a.tif"
    error = UserError("bands-differ", f"{path}: 3 bands", "choose 4 of the scene's bands")
    problem, remedy = in_plain_words(error, tmp_path)
    assert problem == "a.tif: 3 bands."
    assert "More options" in remedy
    error = UserError("bands-differ", "a.tif: 3 bands, and the weights x, 1 expect 4 (a)", "b")
    assert in_plain_words(error, tmp_path)[0] == "a.tif: 3 bands, and the network expects 4 (a)."


def test_faults_of_the_server_are_not_told(tmp_path):
    problem, remedy = in_plain_words(RuntimeError("secret"), tmp_path)
    assert "secret" not in problem + remedy
    assert in_plain_words(OSError(28, "No space left on device", "a"), tmp_path)[1]


def test_remedies_are_sentences_of_the_page():
    for remedy in ON_THE_PAGE.values():
        assert remedy[0].isupper()
        assert remedy.endswith(".")
        assert "--" not in remedy
        assert "/v1" not in remedy
