"""The report, of a finished run and of none."""

import re
import shutil
from pathlib import Path

import mlflow
import pytest

from sen2naip_sr.datasets import TrackedRunsDataset
from sen2naip_sr.errors import UserError
from sen2naip_sr.report import building, compiling
from sen2naip_sr.report.parameters import ReportParameters
from sen2naip_sr.report.sources import HR, LR, MODELS, REPORTING, SPLITS, Sources, read_sources

# what libraries say while they are imported
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
ITEMS = ROOT / "conf/base/report_items.yml"
SECTIONS = (
    *("The problem", "Data", "Networks", "Size", "Training", "Losses", "Metrics", "Comparison"),
    *(
        "Hyperparameters",
        "Experiments",
        "Explanations",
        "Time",
        "Environment",
        "Completed items",
        "References",
    ),
)


@pytest.fixture(scope="module")
def sources(finished_project):
    """What a finished run has left, and an experiment's findings beside it."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{finished_project}/mlflow.db")
    runs = TrackedRunsDataset(artifact="scores/scores.parquet").load().runs
    mlflow.set_tracking_uri(before)
    return read_sources(finished_project, finished_project / "data", runs)


@pytest.fixture(scope="module")
def folder(sources, tmp_path_factory):
    """All that the report of the run is compiled from."""
    folder = tmp_path_factory.mktemp("report")
    building.prepare(sources, ReportParameters(authors=["A. Person"]), ITEMS, folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return compiling.compile_html(folder / building.SOURCE)


def text_of(page):
    page = re.sub(r"</?span[^>]*>", "", page)  # the colours of commands
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_pdf_is_accessible_and_the_same_for_the_same_content(folder):
    first, second = (compiling.compile_pdf(folder / building.SOURCE, 0) for _ in range(2))
    assert first.startswith(b"%PDF")
    assert b"pdfuaid:part" in first
    assert first == second
    assert len(first) < 5e6


def test_every_section_is_there_and_none_lacks_its_input(page):
    headings = [re.sub(r"<[^>]+>", "", one) for one in re.findall(r"<h[2-4][^>]*>(.*?)</h", page)]
    for section in SECTIONS:
        assert any(section in heading for heading in headings), section
    assert text_of(page).count("have not been made") == 2  # experiments and explanations


def test_numbers_are_those_of_the_run(page, sources):
    text = text_of(page)
    best = sources.comparison.iloc[0]
    assert f"{best['psnr']:.2f}" in text
    assert sources.networks[0].weights.label in text
    assert f"lean (test) ({sources.scored_by.run_id[:8]})" in text
    assert "A. Person" in text
    # every hyperparameter with a text
    assert "The peak of the learning rate." in text


def test_the_page_needs_no_other_file_and_no_network(page):
    assert not re.findall(r"""(?:src|srcset)=["'](?!data:)""", page)
    assert "<link" not in page
    assert "<script" not in page
    assert "url(http" not in page
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) >= 5
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)


def test_without_any_run_it_says_what_to_do_and_shows_the_shipped_networks(tmp_path):
    nothing = read_sources(ROOT, tmp_path / "data", [])
    assert {network.origin for network in nothing.networks} == {"shipped"}
    none_scored = tmp_path / "scored" / REPORTING
    none_scored.mkdir(parents=True)
    (none_scored / "comparison.csv").write_text("method,psnr\nlanczos,30\n")
    scored = read_sources(ROOT, tmp_path / "scored", []).networks
    assert [one.name for one in scored] == [one.name for one in nothing.networks]
    nothing = Sources(root=tmp_path, networks=nothing.networks[:1])
    building.prepare(nothing, ReportParameters(), ITEMS, tmp_path)
    text = text_of(compiling.compile_html(tmp_path / building.SOURCE))
    for pipeline in ("preprocess", "train_lean", "evaluate", "overfit", "explain"):
        assert f"--pipelines={pipeline}" in text
    assert text.count("have not been made") == 6


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("@dong2016", "@nobody1999", "nobody1999"),
        ("#outline(", "#outlin(", "outlin"),
    ],
)
def test_a_fault_of_the_source_is_shown_with_its_place(folder, tmp_path, old, new, said):
    shutil.copytree(folder, tmp_path / "copy")
    source = tmp_path / "copy" / building.SOURCE
    lines = source.read_text().splitlines()
    number = next(k for k, line in enumerate(lines, 1) if old in line)
    source.write_text("\n".join(lines).replace(old, new, 1))
    with pytest.raises(UserError, match=said) as caught:
        compiling.compile_pdf(source)
    assert f"report.typ:{number}:" in str(caught.value)


def test_content_that_html_would_lose_is_refused(tmp_path):
    (tmp_path / "a.typ").write_text("#grid(columns: 2)[a][b]")
    with pytest.raises(UserError, match="lose content"):
        compiling.compile_html(tmp_path / "a.typ")


def test_the_finished_report_is_accessible_and_small():
    finished = (ROOT / "docs/report.pdf").read_bytes()
    assert finished.startswith(b"%PDF")
    assert b"pdfuaid:part" in finished
    assert len(finished) < 5e6


def test_an_experiment_that_has_not_run_is_named(tmp_path):
    with pytest.raises(UserError, match="'tune' has no findings"):
        read_sources(ROOT, tmp_path, [], ["tune"])


def test_the_places_are_those_of_the_catalog():
    catalog = (ROOT / "conf/base/catalog.yml").read_text()
    for place in (HR, LR, SPLITS, MODELS + "/{model}", REPORTING + "/comparison.csv"):
        assert f"/{place}\n" in catalog
