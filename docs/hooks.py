"""Pages of the site that are made from files elsewhere, and formulas that need no script."""

import ast
import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/sen2naip_sr"
KEDRO = {"datasets", "hooks", "pipeline_registry", "pipelines", "settings"}
FRONT_DOOR = """# Front door

A loaded model is a [`Model`][sen2naip_sr.upscaling.model.Model]. Its method `upscale` returns a
[`Result`][sen2naip_sr.upscaling.arrays.Result].

::: sen2naip_sr
"""
COPIED = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', flags=re.S)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the made pages to the navigation."""
    sections = {title: pages for entry in config.nav for title, pages in entry.items()}
    cards = [{_title(card): f"cards/{card.name}"} for card in _cards()]
    sections["Upscale"].append({"Model cards": cards})
    sections["Extend"] += [{"Contributing": "contributing.md"}, {"Changelog": "changelog.md"}]
    config.nav.append({"API": [f"api/{name}.md" for name in _api_pages()]})
    config.watch.append(str(PACKAGE))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the model cards, the changelog, CONTRIBUTING and the API reference."""
    pages = {f"cards/{card.name}": card.read_text() for card in _cards()}
    pages |= {target: (ROOT / source).read_text() for source, target in COPIED.items()}
    pages |= {f"api/{name}.md": page for name, page in _api_pages().items()}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Point links to files outside of docs/ at the pages made from them."""
    markdown = re.sub(r"\]\(\.\./src/sen2naip_sr/weights/(\w+\.md)", r"](cards/\1", markdown)
    markdown = re.sub(r"\]\(docs/", "](", markdown)  # from CONTRIBUTING
    for source, target in COPIED.items():
        markdown = markdown.replace(f"](../{source}", f"]({target}")
    return markdown


def on_page_content(content: str, **_: Any) -> str:
    """Turn LaTeX into MathML, which browsers draw themselves."""
    return FORMULA.sub(
        lambda found: convert(
            html.unescape(found[2]), display="block" if found[1] == "div" else "inline"
        ),
        content,
    )


def _cards() -> list[Path]:
    return sorted(PACKAGE.glob("weights/*.md"))


def _title(card: Path) -> str:
    return card.read_text().split("\n", 1)[0].removeprefix("# ").partition(":")[0]


def _api_pages() -> dict[str, str]:
    """Return a page for the front door, one for the ground floor and one for each package."""
    single = [file for file in sorted(PACKAGE.glob("*.py")) if file.stem not in KEDRO]
    pages = {
        "sen2naip_sr": FRONT_DOOR,
        "modules": _page("Single modules", [f for f in single if not f.stem.startswith("_")]),
    }
    for package in sorted(PACKAGE.glob("*/__init__.py")):
        if package.parent.name not in KEDRO:
            modules = sorted(package.parent.rglob("*.py"))
            pages[package.parent.name] = _page(package.parent.name, modules)
    return pages


def _page(title: str, files: list[Path]) -> str:
    named = ["::: " + _dotted(file) for file in files if _says_something(file)]
    return f"# {title}\n\n" + "\n\n".join(named) + "\n"


def _dotted(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _says_something(file: Path) -> bool:
    return ast.get_docstring(ast.parse(file.read_text())) is not None
