"""The report as a whole."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sen2naip_sr.report.compiling import compile_html, compile_pages, compile_pdf
from sen2naip_sr.report.content import write_content
from sen2naip_sr.report.parameters import ReportParameters
from sen2naip_sr.report.sources import Sources

SOURCE, BIBLIOGRAPHY, DATA = "report.typ", "references.bib", "report.json"


@dataclass(frozen=True)
class Report:
    """The report as a PDF and as a page of HTML that needs no other file."""

    pdf: bytes
    html: str


def build_report(sources: Sources, parameters: ReportParameters, item_file: Path) -> Report:
    """Make the report.

    Args:
        sources: What runs have left.
        parameters: What no run can know.
        item_file: The table of completed items.

    Raises:
        UserError: If the table of items is not valid, or if the source of the report has a fault.
    """
    with TemporaryDirectory() as name:
        source = prepare(sources, parameters, item_file, Path(name))
        return Report(compile_pdf(source), compile_html(source))


def build_pages(
    sources: Sources, parameters: ReportParameters, item_file: Path, ppi: float = 80.0
) -> list[bytes]:
    """Return the pages of the report as PNGs."""
    with TemporaryDirectory() as name:
        return compile_pages(prepare(sources, parameters, item_file, Path(name)), ppi)


def prepare(sources: Sources, parameters: ReportParameters, item_file: Path, folder: Path) -> Path:
    """Write all that the report is compiled from into a folder, and return its source."""
    content = write_content(sources, parameters, item_file, folder)
    (folder / DATA).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for file in (SOURCE, BIBLIOGRAPHY):
        shutil.copy(Path(__file__).with_name(file), folder / file)
    return folder / SOURCE
