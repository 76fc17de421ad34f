"""The histogram of differences as an SVG drawing."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.serving.page.drawing.differences import Differences

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 34, 48
_LEAST = -4
"""The power of ten of the smallest share that is drawn."""

_MINUS = "\N{MINUS SIGN}"

_STROKES = (("#c8372d", ""), ("#1f8a4c", "7 3"), ("#2f6fc4", "2 3"), ("#a2559c", "9 3 2 3"))
"""Colour and dashes by band: lines can be told apart without their colours, too."""


def histogram_chart(found: Differences, names: Sequence[str]) -> str:
    """Return a drawing of the shares of pixels by their difference, a line a band.

    Args:
        found: The histogram.
        names: The names of the bands.
    """
    totals = np.maximum(found.counts.sum(axis=1, keepdims=True), 1)
    shares = found.counts / totals
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="currentColor">',
        f"<title>{escape(_in_words(found, names))}</title>",
        *_axes(found.centres),
    ]
    for number, (name, line) in enumerate(zip(names, shares, strict=True)):
        colour, dashes = _STROKES[number % len(_STROKES)]
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
        parts.append(f'<path d="{_steps(found.centres, line)}" {style}/>')
        left = _LEFT + 8 + number * 130
        parts.append(f'<path d="M{left} 16h26" {style}/>')
        parts.append(f'<text x="{left + 32}" y="20">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"])


def _in_words(found: Differences, names: Sequence[str]) -> str:
    means = ", ".join(
        f"{name} {mean:.3g}" for name, mean in zip(names, found.absolute, strict=True)
    )
    return (
        f"Histogram of the differences between the result and bicubic upscaling, in digital "
        f"numbers. Mean sizes of the differences: {means}."
    )


def _x(centres: Array, value: float) -> float:
    half = (centres[1] - centres[0]) / 2
    first, last = centres[0] - half, centres[-1] + half
    return _LEFT + (value - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    power = max(math.log10(share), _LEAST) if share > 0 else _LEAST
    return _TOP + power / _LEAST * (_HEIGHT - _TOP - _BOTTOM)


def _axes(centres: Array) -> list[str]:
    parts = []
    for power in range(_LEAST, 1):
        y = _y(10.0**power)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" '
            'stroke-opacity=".18"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{100 * 10.0**power:g} %</text>"
        )
    step = centres[-1] / 2
    for value in step * np.arange(-2, 3):
        text = f"{value:+g}" if value else "0"
        more = {float(centres[0]): "≤ ", float(centres[-1]): "≥ "}.get(float(value), "")
        anchor = {"≤ ": "start", "≥ ": "end"}.get(more, "middle")
        x = _x(centres, value) + {"start": -6, "end": 6}.get(anchor, 0)
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="{anchor}">'
            f"{more}{text.replace('-', _MINUS)}</text>"
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">'
        "result minus bicubic upscaling, digital numbers</text>"
    )
    return parts


def _steps(centres: Array, shares: Array) -> str:
    """Return the outline of the bins of a band."""
    half = (centres[1] - centres[0]) / 2
    path = [f"M{_x(centres, centres[0] - half):.1f} {_y(shares[0]):.1f}"]
    for centre, share in zip(centres, shares, strict=True):
        path.append(f"V{_y(share):.1f}H{_x(centres, centre + half):.1f}")
    return "".join(path)
