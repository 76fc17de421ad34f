"""What is known of the models: names, figures and cards, asked of the command once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sen2naip_sr_qgis.core.child import Asked, output_of
from sen2naip_sr_qgis.core.problems import Problem

KNOWN = ("default", "fast", "best", "lean", "carn", "carn_m", "gan", "unet")
"""Names that are offered before the command has answered."""

COLUMNS = 4
"""Columns of a card's table that a tooltip shows."""

LEFT_OUT = (
    "file", "half precision", "low-resolution recipe of clean images", "split, data",
    "started from", "commit, version",
)  # fmt: skip
"""Rows of a card that say how weights were made, for those who make them."""

_asked: dict[tuple[str, float], dict[str, Any]] = {}


def ask(command: Path, cancelled: Asked = lambda: False) -> dict[str, Any]:
    """Return what the command says of itself and its models; asked again when its file changes.

    Raises:
        Problem: If it fails, or is no such command.
    """
    key = (str(command), command.stat().st_mtime)
    if key not in _asked:
        text = output_of([str(command), "models", "--json"], cancelled)
        try:
            told = json.loads(text)
            names = [model["model"] for model in told["models"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(
                f"{command} does not answer like sen2naip-sr.", "name another command"
            ) from error
        if not names:
            raise Problem(f"{command} has no weights.", "install it anew")
        _asked[key] = told
    return _asked[key]


def known(command: Path) -> dict[str, Any] | None:
    """Return what `ask` has found before; None if it was not asked."""
    try:
        return _asked.get((str(command), command.stat().st_mtime))
    except OSError:
        return None


def line(model: Mapping[str, Any]) -> str:
    """Return a model in one line."""
    gain = model.get("gain")
    text = f"{model.get('title')}, {model.get('parameters', 0):,} parameters"
    return text if gain is None else f"{text}, {gain:+.2f} dB over Lanczos on the test places"


def tooltip(model: Mapping[str, Any], lines: int = 34) -> str:
    """Return a model's card as HTML of a size that fits a tooltip."""
    card = str(model.get("card") or "")
    return f"<p><b>{model.get('model')}</b>: {line(model)}</p>{as_html(card, lines)}"


def as_html(card: str, lines: int) -> str:
    """Return the first lines of a card in Markdown as HTML: headings, tables and paragraphs.

    Tables lose columns and rows that do not fit a tooltip (`COLUMNS`, `LEFT_OUT`).
    """
    parts: list[str] = []
    rows: list[str] = []
    paragraph: list[str] = []

    def close() -> None:
        if rows:
            parts.append(f"<table>{''.join(rows)}</table>")
        if paragraph:
            parts.append(f"<p>{' '.join(paragraph)}</p>")
        rows.clear()
        paragraph.clear()

    for text in card.splitlines()[:lines]:
        stripped = _escaped(text.strip())
        if stripped.startswith("|"):
            cells = [cell.strip() for cell in stripped.strip("|").split("|")][:COLUMNS]
            if cells[0] in LEFT_OUT:
                continue
            if any(cells) and not all(re.fullmatch(r":?-*:?", cell) for cell in cells):
                rows.append(
                    f"<tr>{''.join(f'<td>{_inline(cell)}&nbsp;</td>' for cell in cells)}</tr>"
                )
        elif stripped.startswith("#"):
            close()
            parts.append(f"<p><b>{_inline(stripped.lstrip('# '))}</b></p>")
        elif stripped:
            paragraph.append(_inline(stripped))
        else:
            close()
    close()
    return "".join(parts)


def names_of(told: Mapping[str, Any] | None) -> Sequence[str]:
    """Return the names of models, the default one first."""
    return KNOWN if told is None else [str(model["model"]) for model in told["models"]]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _inline(text: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*?([^*]+)\*\*?", r"<i>\1</i>", text)
