"""Crop positions that prefer detail."""

from dataclasses import dataclass

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.progress import track
from sen2naip_sr.raster.gradient import gradient_energy
from sen2naip_sr.training.parameters.crops import DetailParameters


@dataclass(frozen=True)
class Positions:
    """The positions of a batch's crops, each attribute an array (B,).

    Attributes:
        chips: Chip numbers, int.
        rows: Top rows in LR pixels, int.
        columns: Left columns in LR pixels, int.
        weights: Importance weights, float32.
    """

    chips: Array
    rows: Array
    columns: Array
    weights: Array


class DetailMap:
    """A coarse map of the probability of crop positions.

    The possible positions of a crop in a chip are divided into a grid of cells. A cell's energy is
    the squared HR gradient, summed over the bands and averaged over the pixels of the cell's crops.
    A share of the crops is drawn in proportion to energy raised to a power, over all chips
    together. The rest is drawn uniformly. Without any gradient, all are drawn uniformly.

    Only the map is kept in memory, 12 bytes a cell.

    Args:
        hr: High-resolution chips (n, C, 2h, 2w). Those in ``chips`` are read once.
        chips: Numbers of the chips to draw from, int (m,).
        crop_size: Side of a crop in low-resolution pixels, at most h and w.
        parameters: How strongly positions follow detail.
        shown: Whether to show the progress of the reading.
    """

    def __init__(
        self,
        hr: ShardedArray,
        chips: Array,
        crop_size: int,
        parameters: DetailParameters,
        shown: bool = True,
    ) -> None:
        self._chips = np.asarray(chips)
        self._rows, self._columns = (
            _edges(length // SCALE - crop_size + 1, parameters.cells) for length in hr.shape[2:]
        )
        energy = np.stack(
            [
                _cell_means(_crop_means(_energy(hr[chip]), crop_size), self._rows, self._columns)
                for chip in track(self._chips, "Mapping detail", len(self._chips), shown)
            ]
        )
        uniform = np.diff(self._rows)[:, None] * np.diff(self._columns) / len(self._chips)
        uniform = uniform / (self._rows[-1] * self._columns[-1])
        density = _density(energy, uniform, parameters)
        probability = density * uniform
        weights = 1 / np.maximum(density, 1 / parameters.largest_weight)
        self._shape = energy.shape
        self._weights = (weights / (probability * weights).sum()).astype(np.float32).ravel()
        cumulative = probability.cumsum()
        # the last becomes exactly 1, so that every number below 1 falls into a cell
        self._cumulative = cumulative / cumulative[-1]

    def draw(self, generator: np.random.Generator, count: int) -> Positions:
        """Draw the positions of ``count`` crops.

        Their weights are the inverse of the density relative to uniform drawing, clipped, and
        divided by their mean.
        """
        cells = np.searchsorted(self._cumulative, generator.random(count), side="right")
        chips, rows, columns = np.unravel_index(cells, self._shape)
        return Positions(
            self._chips[chips],
            generator.integers(self._rows[rows], self._rows[rows + 1]),
            generator.integers(self._columns[columns], self._columns[columns + 1]),
            self._weights[cells],
        )


def _density(energy: Array, uniform: Array, parameters: DetailParameters) -> Array:
    """Return each cell's density relative to uniform drawing, (m, rows, columns).

    ``energy`` has the same shape and is not negative. ``uniform`` is the probability of each cell
    when all positions are equally likely, (rows, columns).
    """
    # scaled to a maximum of 1, so that no power overflows
    detail = (energy / (energy.max() or 1)) ** parameters.power
    mean = (detail * uniform).sum()
    if mean == 0:
        return np.ones_like(energy)
    return 1 - parameters.share + parameters.share * detail / mean


def _energy(hr: Array) -> Array:
    """Return the gradient energy of a chip (C, 2h, 2w), summed over HR pixels, (h, w)."""
    energy = gradient_energy(hr, np.float32)
    parts = [energy[row::SCALE, column::SCALE] for row, column in np.ndindex(SCALE, SCALE)]
    return np.stack(parts).sum(axis=0, dtype=np.float64)


def _crop_means(energy: Array, size: int) -> Array:
    """Return the mean of every crop of an image (h, w), (h - size + 1, w - size + 1)."""
    # means of windows, not differences of cumulative sums, keep flat areas exactly zero
    for axis in (0, 1):
        energy = np.lib.stride_tricks.sliding_window_view(energy, size, axis).mean(axis=-1)
    return energy


def _cell_means(values: Array, rows: Array, columns: Array) -> Array:
    sums = np.add.reduceat(np.add.reduceat(values, rows[:-1], axis=0), columns[:-1], axis=1)
    return sums / (np.diff(rows)[:, None] * np.diff(columns))


def _edges(positions: int, cells: int) -> Array:
    """Divide the positions into cells of about equal size, with at least one position each."""
    return np.linspace(0, positions, min(cells, positions) + 1).round().astype(int)
