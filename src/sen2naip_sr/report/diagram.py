"""A network as a drawing: its stages in boxes, and bicubic upscaling around them."""

from collections.abc import Sequence
from html import escape

from sen2naip_sr.report.layers import TIMES, Stage

WIDTH, HEIGHT, GAP, ROW = 132, 82, 20, 5
"""Size of a box, the gap between boxes, and boxes in a row; pixels."""
MARGIN, TOP, BETWEEN, RIGHT = 8, 44, 34, 64
"""Margins, the space between rows, and that right of them for the sum; pixels."""
SERIF, MONO = "Libertinus Serif, serif", "DejaVu Sans Mono, monospace"
COLOURS = {"convolution": "#dbeafe", "sub": "#fde9c8", "up": "#fde9c8"}
BLOCK, IO, LINE = "#dcf3e4", "#f1f1f1", "#555"
TITLE, TEXT, SHAPE = 14.5, 12, 11
"""Sizes of letters."""


def draw_network(stages: Sequence[Stage], bands: int) -> str:
    """Return an SVG of a network that adds a correction to the bicubic upscaling.

    Args:
        stages: Its parts in the order of computation.
        bands: Bands of the input and the output.
    """
    boxes = [_box("LR image", f"{bands} {TIMES} h {TIMES} w", "", IO)]
    for number, stage in enumerate(stages, 1):
        title, _, inside = stage.kind.partition(": ")
        title += f" {TIMES} {stage.count}" if stage.count > 1 else ""
        amount = f"{stage.parameters * stage.count:,} parameters"
        box = _box(title, stage.shape, amount, _colour(stage.kind), inside)
        boxes.append(_above(number, stage.reads) + box)
    rows = -(-len(boxes) // ROW)
    width = 2 * MARGIN + ROW * (WIDTH + GAP) + RIGHT
    height = TOP + rows * (HEIGHT + BETWEEN) - BETWEEN + MARGIN + 16
    parts = []
    for number, box in enumerate(boxes):
        x, y = _corner(number)
        parts.append(f'<g transform="translate({x} {y})">{box}</g>')
        if number + 1 < len(boxes):
            parts.append(_arrow(number, number + 1))
    parts += _sum(len(boxes) - 1, bands, width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="{SERIF}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{LINE}"/></marker></defs>'
        + "".join(parts)
        + "</svg>"
    )


def _corner(number: int) -> tuple[int, int]:
    row, column = divmod(number, ROW)
    return MARGIN + column * (WIDTH + GAP), TOP + row * (HEIGHT + BETWEEN)


def _box(title: str, shape: str, amount: str, colour: str, inside: str = "") -> str:
    lines = _wrapped(title, 19, 2)
    texts = [_line(17 + 15 * k, TITLE, line, 'font-weight="600"') for k, line in enumerate(lines)]
    room = 2 if len(lines) == 1 else 1
    texts += [
        _line(4 + 15 * len(lines) + 13 * (k + 1), TEXT, line)
        for k, line in enumerate(_wrapped(inside, 25, room))
    ]
    texts.append(_line(HEIGHT - 21, SHAPE, shape, f'font-family="{MONO}"'))
    texts.append(_line(HEIGHT - 7, TEXT, amount, 'fill="#444"'))
    rectangle = f'<rect width="{WIDTH}" height="{HEIGHT}" rx="7" fill="{colour}" stroke="{LINE}"/>'
    return rectangle + "".join(texts)


def _above(number: int, reads: Sequence[int]) -> str:
    """Return what stands above a box: its number, and the further boxes that it reads."""
    further = ", ".join(str(one) if one else "LR" for one in reads if one != number - 1)
    text = f'<text x="2" y="-5" font-size="{SHAPE}" fill="{LINE}">{number}</text>'
    if further:
        text += (
            f'<text x="{WIDTH - 2}" y="-5" text-anchor="end" font-size="{TEXT}">+ {further}</text>'
        )
    return text


def _line(y: float, size: float, text: str, more: str = "") -> str:
    return (
        f'<text x="{WIDTH / 2}" y="{y}" text-anchor="middle" font-size="{size}" {more}>'
        f"{escape(text)}</text>"
    )


def _wrapped(text: str, width: int, most: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines if len(lines) <= most else [*lines[: most - 1], lines[most - 1] + " …"]


def _colour(kind: str) -> str:
    return next((colour for start, colour in COLOURS.items() if kind.startswith(start)), BLOCK)


def _arrow(start: int, end: int) -> str:
    (x, y), (to_x, to_y) = _corner(start), _corner(end)
    middle = y + HEIGHT / 2
    if to_y == y:
        path = f"M{x + WIDTH} {middle} H{to_x}"
    else:  # to the next row, through the space between them
        between = y + HEIGHT + BETWEEN / 2
        path = f"M{x + WIDTH} {middle} h12 V{between} H{to_x + WIDTH / 2} V{to_y}"
    return f'<path d="{path}" fill="none" stroke="{LINE}" marker-end="url(#tip)"/>'


def _sum(last: int, bands: int, width: int) -> list[str]:
    """Return the sum of the correction and the bicubic upscaling, and the ways to it."""
    x, y = _corner(last)
    middle, centre, radius = y + HEIGHT / 2, width - MARGIN - RIGHT / 2 + 4, 15
    start = MARGIN + WIDTH / 2
    correction = f"M{x + WIDTH} {middle} H{centre - radius}"
    around = f"M{start} {TOP} V22 H{centre} V{middle - radius}"
    tip = 'marker-end="url(#tip)"'
    return [
        f'<path d="{correction}" fill="none" stroke="{LINE}" {tip}/>',
        f'<path d="{around}" fill="none" stroke="{LINE}" stroke-dasharray="5 3" {tip}/>',
        f'<text x="{width / 2}" y="17" text-anchor="middle" font-size="{TEXT + 1}">'
        "bicubic upscaling, twofold</text>",
        f'<circle cx="{centre}" cy="{middle}" r="{radius}" fill="white" stroke="{LINE}"/>',
        f'<text x="{centre}" y="{middle + 6}" text-anchor="middle" font-size="19">+</text>',
        f'<text x="{width - MARGIN}" y="{middle + 36}" text-anchor="end" font-size="{SHAPE}" '
        f'font-family="{MONO}">{bands} {TIMES} 2h {TIMES} 2w</text>',
    ]
