"""The figures that the report draws itself: chips of the data set, curves of the trainings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.evaluation.figures.tiles import composites, stretched
from sen2naip_sr.report.sources import Network

FONT = 8
WIDEST, LARGEST, QUALITY = 1600, 400_000, 82
"""Pixels, and bytes of a PNG, above which figures of runs are made smaller; and as which JPEG."""
PLATE, FLAT, WIDE = 1150, 1.8, 1.2
"""The least width of a figure with a page of its own, pixels; its largest width over height; and
from which it is on a landscape page."""


def draw_examples(hr: Store, lr: Store, chips: Sequence[int]) -> Figure:
    """Draw chips in a row each: HR in visible and infrared colours, and the LR image.

    Args:
        hr: The HR chips.
        lr: The LR chips.
        chips: Numbers of the chips to draw.
    """
    shown = composites(hr.manifest.shape[1])
    columns = [("HR", composite) for composite in shown] + [("LR", shown[0])]
    figure = Figure(figsize=(2.1 * len(columns), 2.2 * len(chips)), layout="constrained")
    axes = figure.subplots(len(chips), len(columns), squeeze=False)
    for row, chip in zip(axes, chips, strict=True):
        truth, small = np.asarray(hr.chips[chip]), np.asarray(lr.chips[chip])
        for axis, (kind, (name, order)) in zip(row, columns, strict=True):
            image = truth if kind == "HR" else small
            low, high = np.percentile(truth[list(order)], (1, 99), axis=(1, 2))
            axis.imshow(stretched(image[list(order)], low, high), cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{kind}, {name}", fontsize=FONT)
        row[0].set_ylabel(str(hr.table("index")["place"].iloc[chip]), fontsize=FONT)
    return figure


def draw_curves(networks: Sequence[Network]) -> Figure | None:
    """Draw loss, validation PSNR and learning rate of all trainings; None if none has a history."""
    panels = {
        "loss": "training loss",
        "validation_psnr": "PSNR of the validation chips, dB",
        "learning_rate": "learning rate",
    }
    known = [network for network in networks if network.history is not None]
    if not known:
        return None
    figure = Figure(figsize=(7, 4.3), layout="constrained")
    for axis, (column, title) in zip(figure.subplots(3, 1), panels.items(), strict=True):
        for network in known:
            assert network.history is not None
            if column not in network.history:
                continue
            rows = network.history[network.history[column].notna()]
            marker = "o" if len(rows) < 40 else None
            axis.plot(rows["step"], rows[column], marker=marker, markersize=2, label=network.name)
        axis.set_title(title, fontsize=FONT + 1, loc="left")
        axis.tick_params(labelsize=FONT)
        axis.grid(alpha=0.3)
    axis.set_xlabel("step", fontsize=FONT)
    figure.axes[0].legend(fontsize=FONT, frameon=False)
    return plain(figure)


def layout_of(file: Path) -> str:
    """Return where a figure is read best: ``inline``, or on a page of its own.

    Such a page is ``portrait`` or ``landscape``. Figures with many small parts get one; flat ones
    do not, because they fill the width of the text and no page.
    """
    with Image.open(file) as image:
        width, aspect = image.width, image.width / image.height
    if width < PLATE or aspect > FLAT:
        return "inline"
    return "landscape" if aspect > WIDE else "portrait"


def copy_figure(file: Path, folder: Path, name: str) -> str:
    """Copy a figure of a run, and return its name in the folder.

    Large ones are at most `WIDEST` pixels wide, as JPEG: the report shall fit into an e-mail. Of an
    animation it is the last picture.
    """
    if file.suffix == ".gif":
        with Image.open(file) as image:
            image.seek(getattr(image, "n_frames", 1) - 1)
            image.convert("RGB").save(folder / f"{name}.jpg", quality=QUALITY)
        return f"{name}.jpg"
    if file.stat().st_size <= LARGEST:
        (folder / f"{name}.png").write_bytes(file.read_bytes())
        return f"{name}.png"
    with Image.open(file) as image:
        width = min(WIDEST, image.width)
        size = (width, round(image.height * width / image.width))
        smaller = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    smaller.save(folder / f"{name}.jpg", quality=QUALITY)
    return f"{name}.jpg"
