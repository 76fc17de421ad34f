"""A few chips of a store at a glance."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.figures.tiles import TileGrid, composites, stretched

COLUMNS, ROWS = 5, 3
"""Kedro-Viz shows pictures half as wide again as they are high."""
GRID = TileGrid(
    columns=COLUMNS, width=1.6, height=1.6, gap=0.06, label=0.06, header=0.75, caption=0, footer=0
)
DPI = 100
LABEL: dict[str, Any] = {
    "fontsize": 8,
    "color": "white",
    "bbox": {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 1.5},
}


def draw_chips(store: Store) -> Figure:
    """Draw up to 15 chips, spread over the store, in true colour; each is stretched by itself.

    The heading says how many chips there are, and of which size and places.
    """
    count, bands, height, width = store.manifest.shape
    shown = np.unique(np.linspace(0, count - 1, min(count, COLUMNS * ROWS)).astype(int))
    figure, (block,) = GRID.draw(1, ROWS, DPI)
    name, order = composites(bands)[0]
    places = None if store.index is None else store.index["place"]
    cells = [axis for row in block for axis in row]
    for axis, chip in zip(cells, shown, strict=False):
        image = store.chips[chip][list(order)].astype(np.float32)
        low, high = np.nanpercentile(image, (1, 99), axis=(1, 2))
        axis.imshow(stretched(image, low, high), cmap="gray", vmin=0, vmax=1)
        if places is not None:
            axis.text(0.03, 0.03, str(places.iloc[chip])[:22], transform=axis.transAxes, **LABEL)
    size = f"{count:,} chips of {bands} x {height} x {width} pixels, {store.manifest.dtype}"
    more = f"; {places.nunique()} places" if places is not None else ""
    figure.text(0.012, 1 - 0.22 / figure.get_figheight(), size + more, fontsize=14, va="center")
    note = f"{len(shown)} of them: {name}"
    figure.text(0.012, 1 - 0.53 / figure.get_figheight(), note, fontsize=12, va="center")
    return figure
