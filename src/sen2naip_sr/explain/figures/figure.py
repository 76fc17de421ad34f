"""The figure of one image: what each network looks at, which bands it mixes, what it added."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from sen2naip_sr.evaluation.figures.tiles import SYNTHETIC_NOTE
from sen2naip_sr.explain.explanation import Explanation, Image
from sen2naip_sr.explain.figures.bands import draw_bands
from sen2naip_sr.explain.figures.charts import draw_charts, draw_signs
from sen2naip_sr.explain.figures.maps import draw_images, draw_maps
from sen2naip_sr.explain.words import headline

TILE, WORDS, CHARTS = 2.1, 2.15, 1.95
"""Inches: side of a tile, width of the words beside them, height of a chart."""
LEFT, RIGHT, TOP, BOTTOM = 0.2, 0.15, 1.1, 0.5
GAP, LOWER_GAP = 0.12, 0.4
"""Between tiles of a row, and between rows."""
DPI = 110
LETTERS = 12
"""Letters of the headline in an inch."""


def draw_explanation(
    image: Image, found: Sequence[Explanation], *, synthetic: bool = False
) -> Figure:
    """Draw the explanations of an image: a column for each network, the reference last.

    Rows: the result, what the window's detail comes from, the bands, and charts of what was added.

    Args:
        image: The image.
        found: Its explanations by all networks, at one window.
        synthetic: Whether to say that the imagery is synthetic.
    """
    tiles = len(found) + 1
    width = LEFT + WORDS + GAP + tiles * (TILE + GAP) + RIGHT
    height = TOP + 3 * (TILE + LOWER_GAP) + CHARTS + BOTTOM + LOWER_GAP / 3
    figure = Figure(figsize=(width, height), dpi=DPI)
    rows = [
        GridSpec(
            1,
            1 + tiles,
            figure,
            width_ratios=[WORDS, *tiles * [TILE]],
            wspace=GAP / TILE,
            left=LEFT / width,
            right=1 - RIGHT / width,
            top=1 - (TOP + number * (TILE + LOWER_GAP)) / height,
            bottom=1 - (TOP + number * (TILE + LOWER_GAP) + TILE) / height,
        )
        for number in range(3)
    ]
    axes = [[figure.add_subplot(row[0, column]) for column in range(1 + tiles)] for row in rows]
    draw_images(axes[0], image, found)
    draw_maps(axes[1], image, found)
    draw_bands(axes[2], image, found)
    charts = GridSpec(
        1,
        3,
        figure,
        wspace=0.3,
        left=(LEFT + 0.4) / width,
        right=1 - (RIGHT + 0.1) / width,
        top=(BOTTOM + CHARTS - 0.1) / height,
        bottom=BOTTOM / height,
    )
    below = [figure.add_subplot(charts[0, column]) for column in range(3)]
    (draw_signs if image.truth is None else draw_charts)(below, found)
    about = ", ".join(part for part in (image.place, image.role) if part)
    title = f"What makes the detail in the box: {image.name}" + (f" ({about})" if about else "")
    figure.text(LEFT / width, 1 - 0.26 / height, title, fontsize=14, weight="bold", va="center")
    line = textwrap.fill(headline(image, found), round(LETTERS * width))
    figure.text(LEFT / width, 1 - 0.45 / height, line, fontsize=9, va="top", linespacing=1.3)
    if synthetic:
        figure.text(LEFT / width, 0.12 / height, SYNTHETIC_NOTE, fontsize=8, va="center")
    return figure
