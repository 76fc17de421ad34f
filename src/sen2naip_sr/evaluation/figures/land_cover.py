"""Test chips of different land cover, and their most detailed part, by simple image measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.raster.gradient import gradient_energy

RED, NIR = 0, 3


@dataclass(frozen=True)
class Criterion:
    """How one chip is chosen: by its position in rising order of a measure of land cover.

    ``position`` is 0 for the lowest and 1 for the highest.
    """

    title: str
    measure: str
    position: float


MOST_EDGES = Criterion("most edges", "edges", 1.0)
MEDIAN = Criterion("median of edges", "edges", 0.5)
WITH_NIR = (
    MOST_EDGES,
    Criterion("highest NDVI", "ndvi", 1.0),
    Criterion("lowest NIR", "nir", 0.0),
    MEDIAN,
)
WITHOUT_NIR = (
    MOST_EDGES,
    Criterion("brightest", "brightness", 1.0),
    Criterion("darkest", "brightness", 0.0),
    MEDIAN,
)
"""Roofs and roads have many edges; vegetation has a high NDVI; water and shadow have a low NIR."""


def choose_by_land_cover(
    hr: ShardedArray, chips: Sequence[int], low: float, count: int
) -> list[tuple[int, str]]:
    """Choose chips by one criterion after the other, each chip once.

    Args:
        hr: HR chips (n, C, H, W); band 1 is red and, of four or more, band 4 near-infrared.
        chips: Numbers of the candidates; each is read once.
        low: Digital number of zero radiance.
        count: Largest number of chips; beyond the number of criteria, these repeat.

    Returns:
        Chip numbers, each with the title of its criterion.
    """
    left = pd.DataFrame([measure_land_cover(hr[chip], low) for chip in chips], index=list(chips))
    criteria = WITH_NIR if hr.shape[1] > NIR else WITHOUT_NIR
    chosen = []
    for criterion in islice(cycle(criteria), min(count, len(left))):
        ranked = left[criterion.measure].sort_index().sort_values(kind="stable").index
        chip = ranked[int(criterion.position * (len(ranked) - 1))]
        chosen.append((int(chip), criterion.title))
        left = left.drop(index=chip)
    return chosen


def measure_land_cover(image: Array, low: float) -> dict[str, float]:
    """Return simple measures of a chip (C, H, W) of digital numbers.

    Args:
        image: Band 1 is red and, of four or more, band 4 near-infrared.
        low: Digital number of zero radiance.

    Returns:
        Means over the pixels: ``edges`` (squared gradient, summed over the bands, in digital
        numbers squared), ``brightness`` (digital numbers above ``low``) and, with four bands,
        ``nir`` (likewise) and ``ndvi`` (0 where both bands are 0).
    """
    light = np.nan_to_num(image.astype(np.float64) - low, posinf=0, neginf=0)
    measures = {"edges": gradient_energy(image).mean(), "brightness": light.mean()}
    if len(light) > NIR:
        red, nir = light[RED], light[NIR]
        both = red + nir
        ndvi = np.divide(nir - red, both, out=np.zeros_like(both), where=both > 0)
        measures |= {"nir": nir.mean(), "ndvi": ndvi.mean()}
    return {name: float(value) for name, value in measures.items()}


def most_detailed(truth: Array, rows: int, columns: int) -> tuple[int, int]:
    """Return the corner of the part of a chip (C, H, W) with the most gradient energy.

    H and W are even; rows, columns and the corner (top row, left column) are in LR pixels.
    """
    energy = gradient_energy(truth)
    parts = [energy[row::SCALE, column::SCALE] for row, column in np.ndindex(SCALE, SCALE)]
    total = np.pad(np.sum(parts, axis=0).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    strips = total[rows:] - total[:-rows]
    sums = strips[:, columns:] - strips[:, :-columns]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return int(top), int(left)
