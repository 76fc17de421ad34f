"""What datasets show in Kedro-Viz, which recognises each kind of preview by its type's name."""

import base64
import html
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ImagePreview = NewType("ImagePreview", str)
"""A base64-encoded PNG; empty: nothing is shown."""
TablePreview = NewType("TablePreview", dict[str, Any])
"""A table as pandas splits it: ``index``, ``columns`` and ``data``."""
HTMLPreview = NewType("HTMLPreview", str)
"""HTML; empty: nothing is shown."""

NO_IMAGE = ImagePreview("")
NO_PAGE = HTMLPreview("")


def image_of(png: bytes) -> ImagePreview:
    """Return the preview of a PNG."""
    return ImagePreview(base64.b64encode(png).decode())


def image_of_figure(figure: "Figure") -> ImagePreview:
    """Return the preview of a figure."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return image_of(stream.getvalue())


def table_of(facts: Mapping[str, str]) -> TablePreview:
    """Return the preview of names and values, one a row."""
    rows = [list(fact) for fact in facts.items()]
    return TablePreview({"index": list(range(len(rows))), "columns": ["", "value"], "data": rows})


def page_of(text: str) -> HTMLPreview:
    """Return the preview of plain text, with its lines as they are."""
    return HTMLPreview(f'<pre style="white-space: pre-wrap">{html.escape(text)}</pre>')
