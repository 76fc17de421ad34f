"""Small stores and their splits that the tests of evaluation share."""

import json

import numpy as np
import pandas as pd

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.store import require_store, write_store

SIDE = 32


def make_stores(folder, chips, value_range=None, bands=None, recipe="bicubic_antialiased"):
    """Write chips (n, C, H, W) and their LR below a folder; return both stores and the splits.

    Chip i lies in place ``p<i // 2>``; all chips are tested on but the first two.
    """
    count = len(chips)
    index = pd.DataFrame(
        {
            "chip": range(count),
            "place": [f"p{chip // 2}" for chip in range(count)],
            "location": [f"l{chip // 2}" for chip in range(count)],
            "transform": [json.dumps([2, 0, 100 * i, 0, -2, 900]) for i in range(count)],
            "crs": ["EPSG:32616"] * count,
        }
    )
    with write_store(folder / "hr", "made up", chips.shape[1:], chips.dtype) as writer:
        for chip in chips:
            writer.append(chip)
        writer.tables = {"index": index}
        writer.attributes = {
            "value_range": value_range or [0.0, 255.0],
            "bands": bands or [f"band {n}" for n in range(1, chips.shape[1] + 1)],
            "synthetic": False,
        }
    hr = require_store(folder / "hr")
    Downscaling(hr, recipe).make(folder / "lr")
    splits = index[["chip", "place", "location"]].copy()
    splits["split"] = np.where(index["chip"] < 2, "train", "test")
    splits["fold"] = np.where(index["chip"] < 2, 0, -1)
    return hr, require_store(folder / "lr"), splits


def smooth_noise():
    """Return six chips of noise, smoothed so that there is something to interpolate, uint8."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(6, 4, SIDE, SIDE))
    smooth = sum(np.roll(noise, shift, axis) for shift in (0, 1, 2) for axis in (2, 3))
    return (128 + 20 * smooth).clip(1, 254).round().astype(np.uint8)
