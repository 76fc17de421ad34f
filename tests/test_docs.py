"""What README and docs/ name exists: pages, headings, files, Python names, commands, parameters."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = {str(file.relative_to(ROOT)): file.read_text() for file in FILES}
EVERYTHING = "\n".join(PAGES.values())
FOLDERS = ("qgis/", "benchmarks/", "conf/", "docs/", "notebooks/", "src/", "tests/")
MADE_BY_THE_READER = {"conf/local/parameters_lean.yml"}


def _matches(pattern):
    return sorted(set(re.findall(pattern, EVERYTHING)))


def _slug(heading):
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)", PAGES[page]):
        if target.startswith("http"):
            continue
        file = ((ROOT / page).parent / target).resolve() if target else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), flags=re.M)
            assert anchor in map(_slug, headings), f"{page}: {target}#{anchor}"


@pytest.mark.parametrize("name", _matches(r"\bsen2naip_sr(?:\.\w+)+"))
def test_python_names_exist(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            assert hasattr(found, part), name
            found = getattr(found, part)
        return
    raise AssertionError(f"{name}: no such module")


@pytest.mark.parametrize("path", _matches(r"`([\w.-]+/[\w./*-]+)`"))
def test_paths_exist(path):
    source = re.fullmatch(r"[\w/-]+\.py", path) and not path.startswith(FOLDERS)
    if source or path.startswith(FOLDERS):
        inside = ROOT / "src/sen2naip_sr" if source else ROOT
        assert list(inside.glob(path)) or path in MADE_BY_THE_READER


def test_the_first_page_names_every_other():
    named = set(re.findall(r"\((\w[\w-]*\.md)", PAGES["docs/index.md"]))
    others = {Path(page).name for page in PAGES if page.startswith("docs/")} - {"index.md"}
    assert not others - named


def test_the_architecture_names_every_package_and_no_other():
    _, table = PAGES["docs/architecture.md"].split("## Where a thing belongs")
    rows = re.findall(r"^\| (`.*?) \|", table.split("Outside of the package")[0], flags=re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    package = ROOT / "src/sen2naip_sr"
    modules = {file.stem for file in package.glob("[a-z]*.py")}
    assert named == modules | {file.parent.name for file in package.glob("*/__init__.py")}


def test_pipelines_exist():
    from sen2naip_sr.pipeline_registry import register_pipelines

    named = {name for names in _matches(r"--pipelines=([\w,]+)") for name in names.split(",")}
    assert len(named) > 10
    assert named - {"train_"} <= set(register_pipelines())  # `train_<name>`


def test_environments_exist():
    for name in _matches(r"--env=(\w+)"):
        assert (ROOT / "conf" / name).is_dir(), name


def test_targets_of_make_exist():
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert set(_matches(r"[`\n]make (?:[A-Z_]+=\S+ )*([a-z-]+)")) <= set(known)


@pytest.mark.parametrize("name", _matches(r"[\s\",=']((?:[a-z]\w*\.)+\w+)=[^=\s]"))
def test_parameters_exist(name):
    from sen2naip_sr.experiments.comparison.parameters import ComparisonParameters
    from sen2naip_sr.pipelines.parameters import PARAMETERS

    top, *path = name.split(".")
    model = ComparisonParameters if top.startswith("compare_") else PARAMETERS[top]
    for part in path:
        fields = getattr(model, "model_fields", None)
        if fields is None:  # a mapping of names that are free, as those of variations
            return
        assert part in fields, name
        model = fields[part].annotation


def test_options_of_the_command_exist():
    from sen2naip_sr.command import main

    rows = re.findall(r"^\| (`-.*?) \|", PAGES["docs/upscaling.md"], flags=re.M)
    named = {name for row in rows for name in re.findall(r"--?[a-z-]+", row)}
    known = {name for option in main.commands["upscale"].params for name in option.opts}
    assert len(named) > 10
    assert named <= known
