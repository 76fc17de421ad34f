"""What precisions of few bits cost on scenes that use little of their value range.

Chips are darkened to a share of a range of 10,000, as whole numbers, and downscaled by the recipe.
Precisions are forced here: with automatic settings, faint scenes are computed in float32.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from naip import stores
from scene_tables import table

from sen2naip_sr.chips.splits import TEST
from sen2naip_sr.degradation import get_recipe, quantise
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.faintness import is_faint
from sen2naip_sr.inference.flat_areas import typical_structure
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.weights.names import DEFAULT, FAST
from sen2naip_sr.weights.shipped import load_shipped

LEVELS = 10_000.0
SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)
PRECISIONS = {"bfloat16": DEFAULT, "int8": FAST}
"""And the weights that are computed in them."""
DARK = 0.02
"""Scenes with a mean below this share of the range are dark."""
LIMITS = (0.0, 0.25, 1.0, 4.0, 16.0, math.inf)
"""Structure in 255ths of the value range that the rows of the table begin and end with."""
CHIPS, SHAVED = 100, 4


def measure(data: Path) -> dict[str, Any]:
    """Compare the precisions that this machine has with float32, chip by chip.

    Args:
        data: GeoTIFFs, one folder per place.
    """
    networks = {}
    for precision, name in PRECISIONS.items():
        weights = load_shipped(name)
        assert weights is not None
        try:
            networks[precision] = [
                make_network(weights.build(), device="cpu", backend="auto", precision=each)
                for each in ("float32", precision)
            ]
        except UserError:
            continue  # not on this machine
    with stores(data) as (hr, _, splits):
        chips = splits.loc[splits["split"] == TEST, "chip"].to_numpy()
        images = [hr.chips[chip] for chip in chips[:: max(1, len(chips) // CHIPS)][:CHIPS]]
    rows = [_row(networks, image, share) for image in images for share in SHARES]
    return {"networks": PRECISIONS, "rows": rows}


def _row(networks: Mapping[str, Any], image: np.ndarray, share: float) -> dict[str, float]:
    truth = torch.from_numpy(np.round(image * (share * LEVELS / 255.0)))[None].float()
    recipe = get_recipe("bicubic_antialiased")
    lr = quantise(recipe.downscale(truth, None), np.dtype("uint16")).float() / LEVELS
    structure = float(typical_structure(lr).median())
    row = {"share": share, "structure": structure, "mean": float(lr.mean())}
    row["faint"] = is_faint(lr, np.dtype("uint16"), (0.0, LEVELS))
    for name, pair in networks.items():
        exact, few = (torch.from_numpy(use(lr.numpy())) * LEVELS for use in pair)
        row[f"{name}_db"] = _psnr(few, truth) - _psnr(exact, truth)
        row[f"{name}_largest"] = float((few - exact).abs().max()) * 255 / LEVELS
        row[f"{name}_grid"] = _grid(few - exact) * 255 / LEVELS
    return {key: round(value, 4) for key, value in row.items()}


def _psnr(result: torch.Tensor, truth: torch.Tensor) -> float:
    inner = (..., slice(SHAVED, -SHAVED), slice(SHAVED, -SHAVED))
    return -10 * math.log10(float(((result.round() - truth)[inner] ** 2).mean()))


def _grid(difference: torch.Tensor) -> float:
    """Return how far the means of the four sub-pixels of a pixel differ, in the worst band."""
    _, bands, height, width = difference.shape
    phases = difference.reshape(bands, height // 2, 2, width // 2, 2).mean((1, 3)).flatten(1)
    return float((phases.amax(1) - phases.amin(1)).max())


def faint(measured: Mapping[str, Any]) -> str:
    """Return what each precision costs, by the structure of the scene."""
    rows = measured["rows"]
    names = _names(rows)
    groups = defaultdict(list)
    for row in rows:
        groups[max(low for low in LIMITS if low <= row["structure"])].append(row)
    cells = []
    for low, high in pairwise(LIMITS):
        group = groups[low]
        if not group:
            continue
        cell = [f"{low:g} to {high:g}" if high < math.inf else f"above {low:g}", str(len(group))]
        for name in names:
            lost = [row[f"{name}_db"] for row in group]
            largest = max(row[f"{name}_largest"] for row in group)
            cell += [f"{median(lost):+.3f}", f"{min(lost):+.3f}", f"{largest:.2f}"]
        cells.append(cell)
    head = ["structure, 255ths of the range", "images"]
    for name in names:
        title = f"{name} ({PRECISIONS[name]})"
        head += [f"{title}: PSNR change, dB", "least", "largest deviation, 255ths"]
    return table(head, cells)


def dark(measured: Mapping[str, Any]) -> str:
    """Return what each precision does to dark scenes, and whether it would be used for them."""
    rows = [row for row in measured["rows"] if row["mean"] < DARK]
    cells = []
    for name in _names(rows):
        deviation, grid = ([row[f"{name}_{key}"] for row in rows] for key in ("largest", "grid"))
        faint = sum(bool(row["faint"]) for row in rows)
        values = [f"{max(deviation):.2f}", f"{median(grid):.3f}", f"{max(grid):.3f}"]
        cells.append([f"{name} ({PRECISIONS[name]})", f"{faint} of {len(rows)}", *values])
    head = ["precision, forced", "computed in float32 if it is not", "largest deviation, 255ths"]
    return table([*head, "grid, median", "largest grid, 255ths"], cells)


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in PRECISIONS if f"{name}_db" in rows[0]]
