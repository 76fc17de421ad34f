"""What precisions of few bits cost on scenes that use little of their value range.

Chips are darkened to a share of a range of 10,000, as whole numbers, and downscaled by the recipe.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
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
from sen2naip_sr.inference.flat_areas import typical_structure
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.weights.names import DEFAULT
from sen2naip_sr.weights.shipped import load_shipped

LEVELS = 10_000.0
SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)
PRECISIONS = ("float32", "bfloat16", "int8")
LIMITS = (0.0, 0.25, 1.0, 4.0, 16.0, math.inf)
"""Structure in 255ths of the value range that the rows of the table begin and end with."""
CHIPS, SHAVED = 12, 4


def measure(data: Path) -> dict[str, Any]:
    """Compare the precisions that this machine has with float32, chip by chip.

    Args:
        data: GeoTIFFs, one folder per place.
    """
    weights = load_shipped(DEFAULT)
    assert weights is not None
    networks = {}
    for precision in PRECISIONS:
        try:
            networks[precision] = make_network(
                weights.build(), device="cpu", backend="auto", precision=precision
            )
        except UserError:
            continue  # not on this machine, or not with these weights
    with stores(data) as (hr, _, splits):
        chips = splits.loc[splits["split"] == TEST, "chip"].to_numpy()
        images = [hr.chips[chip] for chip in chips[:: max(1, len(chips) // CHIPS)]]
    rows = [_row(networks, image, share) for image in images for share in SHARES]
    return {"network": DEFAULT, "rows": rows}


def _row(networks: Mapping[str, Any], image: np.ndarray, share: float) -> dict[str, float]:
    truth = torch.from_numpy(np.round(image * (share * LEVELS / 255.0)))[None].float()
    recipe = get_recipe("bicubic_antialiased")
    lr = quantise(recipe.downscale(truth, None), np.dtype("uint16")).float() / LEVELS
    found = {name: torch.from_numpy(use(lr.numpy())) * LEVELS for name, use in networks.items()}
    inner = (..., slice(SHAVED, -SHAVED), slice(SHAVED, -SHAVED))
    psnr = {
        name: -10 * math.log10(float(((one.round() - truth)[inner] ** 2).mean()))
        for name, one in found.items()
    }
    row = {"share": share, "structure": float(typical_structure(lr).median())}
    for name in networks:
        if name != "float32":
            row[f"{name}_db"] = psnr[name] - psnr["float32"]
            deviation = (found[name] - found["float32"]).abs().max()
            row[f"{name}_largest"] = float(deviation) * 255 / LEVELS
    return {key: round(value, 4) for key, value in row.items()}


def faint(measured: Mapping[str, Any]) -> str:
    """Return what each precision costs, by the structure of the scene."""
    rows = measured["rows"]
    names = [name for name in PRECISIONS if f"{name}_db" in rows[0]]
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
        head += [f"{name}: PSNR change, dB", "least", "largest deviation, 255ths"]
    return table(head, cells)
