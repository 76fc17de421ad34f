"""Axes of all figures."""

from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter


def plain(figure: Figure) -> Figure:
    """Return the figure with whole numbers at its ticks, instead of an offset beside the axis."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for formatter in (axis.get_major_formatter(), axis.get_minor_formatter()):
                if type(formatter) is ScalarFormatter:
                    formatter.set_useOffset(False)
                    formatter.set_scientific(False)
    return figure
