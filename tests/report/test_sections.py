"""What the report says of experiments, explanations, people and optional metrics."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from sen2naip_sr.evaluation.perceptual.asked import COLUMNS
from sen2naip_sr.evaluation.runs.tracked import TrackedRun
from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.report import building, compiling
from sen2naip_sr.report.content import write_content
from sen2naip_sr.report.experiments import EXPLAINED, TEXTS
from sen2naip_sr.report.figures import layout_of
from sen2naip_sr.report.parameters import ReportParameters
from sen2naip_sr.report.sources import REPORTING, read_sources

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported

ITEMS = "- {item: a, points: 1, command: git log, file: nothing}"
OTHER_DATA = "0123456789abcdef"


def picture(file, width, height):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(file)


def scores(method, origin, psnr):
    names = ("psnr", "delta_psnr", "ssim", "sam", "ergas", "consistency", "seconds_per_megapixel")
    ends = ("psnr_low", "psnr_high", "delta_low", "delta_high")
    return {"method": method, "n_chips": 2, "origin": origin} | dict.fromkeys(names + ends, psnr)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """The report of experiments that left little, and of an evaluation of shipped weights."""
    folder = tmp_path_factory.mktemp("project")
    reporting = folder / "data" / REPORTING
    picture(reporting / "explain/chip_7.png", 1200, 1150)
    pictures = [Image.new("RGB", (40, 20), colour) for colour in ("black", "white")]
    pictures[0].save(reporting / "overfit.gif", save_all=True, append_images=pictures[1:])
    for name in ("explain", "overfit", "labels", "of_mine"):
        (reporting / f"{name}.txt").write_text(f"Findings of {name}.")
    explained = dict.fromkeys(EXPLAINED, 0.256) | {"image": "chip 7", "role": "", "model": "carn"}
    pd.DataFrame([explained]).to_csv(reporting / "explain.csv", index=False)
    rows = [scores("carn", "shipped, may have seen them", 30.0), scores("lanczos", "", 0.0)]
    pd.DataFrame(rows).to_csv(reporting / "comparison.csv", index=False)
    asked = [
        ("carn", "flip", "FLIP (RGB)", 0.1234, 2, 0, 1.5, ""),
        ("carn", "lpips", "LPIPS", np.nan, 2, 0, 0.0, "no weights of AlexNet are given"),
    ]
    pd.DataFrame(asked, columns=COLUMNS).to_csv(reporting / "perceptual.csv", index=False)
    runs = [
        TrackedRun("e" * 32, "explain (naip)", 2, True, {}),
        TrackedRun("a" * 32, "evaluate", 1, True, {}, {}, {"test_psnr/carn": 30.0}),
    ]
    (folder / "items.yml").write_text(ITEMS)
    made = folder / "report"
    made.mkdir()
    sources = read_sources(folder, folder / "data", runs)
    building.prepare(sources, ReportParameters(), folder / "items.yml", made)
    compiling.compile_pdf(made / building.SOURCE)
    page = re.sub(r"</?span[^>]*>", "", compiling.compile_html(made / building.SOURCE))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_explanations_stand_apart_from_experiments_with_their_numbers_and_run(text):
    text = text.rpartition("Experiments")[2]
    experiments, explanations, people = (
        text.index(f"Findings of {name}.") for name in ("overfit", "explain", "labels")
    )
    assert experiments < explanations < people
    assert "explain (naip) (eeeeeeee)" in text
    assert "26%" in text  # of what is restored
    assert "The last picture" not in text  # the overfitting has a text of its own


def test_an_experiment_of_a_user_is_shown(text):
    assert "Findings of of_mine." in text


def test_shipped_networks_that_were_scored_are_described_and_no_others(text):
    assert "CARN ( carn )" in text
    assert "Lean ( lean )" not in text
    assert "evaluate (aaaaaaaa)" in text


def test_nothing_is_claimed_of_places_that_weights_may_have_seen(text):
    assert "whose places no training has seen" not in text


def test_optional_metrics_have_their_cost_and_reason(text):
    assert "0.1234" in text
    assert "FLIP (RGB) 1.5" in text
    assert "LPIPS has no value: no weights of AlexNet are given" in text


def test_an_item_without_evidence_does_not_count(text):
    assert "Items and their evidence: 0 points" in text


def test_scores_of_other_chips_are_called_so(tmp_path, finished_project):
    data = finished_project / "data"
    of_others = TrackedRun(
        "b" * 32, "evaluate", 9, True, {"data_hash": OTHER_DATA}, {}, {"test_psnr/lean": 1.0}
    )
    for runs, said in (([of_others], True), ([], False)):
        sources = read_sources(finished_project, data, runs)
        items = tmp_path / "items.yml"
        items.write_text(ITEMS)
        content = write_content(sources, ReportParameters(), items, tmp_path)
        assert (content["comparison"]["other_data"] == OTHER_DATA) is said


def test_every_text_is_of_a_pipeline():
    texts = yaml.safe_load(TEXTS.read_text())
    pipelines = {*register_pipelines(), "labels", "other"}
    assert set(texts) <= pipelines
    assert {one.get("section", "experiments") for one in texts.values()} == {
        "experiments",
        "explanations",
        "people",
    }


@pytest.mark.parametrize(
    ("size", "layout"),
    [
        ((600, 600), "inline"),
        ((1600, 500), "inline"),
        ((1600, 1200), "landscape"),
        ((1200, 1300), "portrait"),
    ],
)
def test_large_figures_have_a_page_of_their_own(tmp_path, size, layout):
    picture(tmp_path / "a.png", *size)
    assert layout_of(tmp_path / "a.png") == layout
