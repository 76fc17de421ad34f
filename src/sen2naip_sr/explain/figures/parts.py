"""What the parts of the figure share: names, colours, words beside a row."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes

from sen2naip_sr.evaluation.figures.gains import COLOURS, PLAIN
from sen2naip_sr.explain.explanation import Explanation

LINE = 30
"""Letters in a line of the words beside a row."""


def short_name(one: Explanation) -> str:
    """Return the name of a network without what follows a comma."""
    return one.subject.title.partition(",")[0]


def colour_of(found: Sequence[Explanation], one: Explanation) -> str:
    """Return the colour of a network; the reference is grey."""
    trained = [each.subject.name for each in found if each.subject.trained]
    name = one.subject.name
    return COLOURS[trained.index(name) % len(COLOURS)] if name in trained else PLAIN


def bare(axis: Axes) -> None:
    """Leave out ticks and frame."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def write_words(axis: Axes, head: str, text: str) -> None:
    """Write what a row shows in its first cell."""
    axis.set_axis_off()
    axis.text(0, 0.98, head, fontsize=11, weight="bold", va="top", transform=axis.transAxes)
    wrapped = textwrap.fill(text, LINE)
    axis.text(0, 0.84, wrapped, fontsize=8.5, va="top", linespacing=1.35, transform=axis.transAxes)
