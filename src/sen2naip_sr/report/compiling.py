"""From one Typst source to a PDF and a page of HTML."""

import re
from pathlib import Path
from typing import Any

from sen2naip_sr.errors import UserError

STANDARD = "ua-1"
"""The standard of the PDF: PDF/UA-1, which readers of screens can read."""
STYLE = Path(__file__).with_name("page.css")
LOST = re.compile(r"^(?!page|flush).* was ignored")
"""What Typst warns of where HTML would lack content; of pages and their ends it has none."""


def compile_pdf(source: Path, timestamp: int | None = None) -> bytes:
    """Compile the report to a PDF.

    Args:
        source: The Typst file. What it reads lies in its folder.
        timestamp: Seconds since 1970 that the PDF says it was made at; None: now.

    Raises:
        UserError: If the source has a fault. The message shows the place.
    """
    found: bytes = _compile(source, format="pdf", pdf_standards=[STANDARD], timestamp=timestamp)
    return found


def compile_html(source: Path) -> str:
    """Compile the report to one page of HTML that needs no other file.

    Raises:
        UserError: If the source has a fault. The message shows the place.
    """
    page: str = _compile(source, format="html").decode()
    style = f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>"
    return page.replace("</head>", style, 1)


def compile_pages(source: Path, ppi: float = 80.0) -> list[bytes]:
    """Compile the report to a PNG for each page.

    Raises:
        UserError: If the source has a fault. The message shows the place.
    """
    found = _compile(source, format="png", ppi=ppi)
    return found if isinstance(found, list) else [found]


def _compile(source: Path, **options: Any) -> Any:
    try:
        import typst
    except ImportError as error:
        raise UserError("report-package-missing", "Typst is not installed", "install it") from error
    try:
        made, warnings = typst.compile_with_warnings(
            str(source), root=str(source.parent), ignore_system_fonts=True, **options
        )
    except typst.TypstError as error:
        raise UserError(
            "report-not-compiled",
            f"the report has a fault:\n{error.diagnostic or error.message}",
            "correct the place that is shown",
        ) from error
    lost = [one.message for one in warnings if LOST.search(one.message)]
    if lost:
        raise UserError(
            "report-not-compiled",
            f"the report would lose content: {'; '.join(dict.fromkeys(lost))}",
            "use another element there",
        )
    return made
