"""Tiles of a scene: read and prepared for the network, then postprocessed and written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.values import ValueRange, enlarged, normalise, restore
from sen2naip_sr.raster.filling import fill
from sen2naip_sr.raster.windows import Region, Tile

if TYPE_CHECKING:
    from sen2naip_sr.raster.areas.area import Area
    from sen2naip_sr.raster.protocol import Scene, Target


@dataclass(frozen=True)
class Piece:
    """A tile that was read: the core as it is in the scene, and the network's input.

    Attributes:
        tile: Where it lies.
        values: The core, (C, h, w) in the scene's dtype, and which of it is ``valid``, bool.
        window: The network's input, (C, h + 2 margin, w + 2 margin), float32; None if nothing in
            the core is valid and wanted.
        context: The core and the surroundings that postprocessing needs, inside the scene.
        lr: The context, (C, h', w'), normalised: in float64 where valid, as in the window
            elsewhere. None without consistency.
        seconds: Time of reading.
    """

    tile: Tile
    values: Array
    valid: Array
    window: Array | None
    context: Tile
    lr: Array | None
    seconds: float


def read_piece(  # noqa: PLR0913, PLR0917 - all but the last are the same for all tiles
    scene: "Scene",
    halo: int,
    postprocessing: Postprocessing,
    value_range: ValueRange,
    area: "Area | None",
    tile: Tile,
) -> Piece:
    """Read a tile and prepare its window, with ``halo`` pixels around it for the network.

    A tile without anything of the wanted ``area`` gets no window.
    """
    began = perf_counter()
    context = tile.context(postprocessing.halo, scene.height, scene.width)
    with noting("reading", tile):
        rows, columns = tile.indices(scene.height, scene.width)
        region = Region.read(scene, rows, columns)
        core = region.core(tile)
        values, valid, window, lr = region.values[core], region.valid[core], None, None
        core_window = (tile.top, tile.left, tile.height, tile.width)
        if valid.any() and (area is None or area.touches(*core_window)):
            if not region.valid.all():
                region = Region.read(scene, rows, columns, margin=halo)
            blanked = _blanked(region.values, region.valid)
            filled = fill(normalise(blanked, value_range), region.valid, reach=halo)
            window = region.pick(filled, rows, columns)
            if postprocessing.consistency is not None:
                around = region.core(context)
                exact = normalise(blanked[around].astype(np.float64), value_range, np.float64)
                lr = np.where(region.valid[around], exact, filled[around])
    return Piece(tile, values, valid, window, context, lr, perf_counter() - began)


@dataclass(frozen=True)
class Output:
    """Postprocesses predictions, and writes them and the half-widths of any intervals."""

    target: "Target"
    intervals: "Target | None"
    postprocessing: Postprocessing
    value_range: ValueRange
    factor: int

    def write(self, piece: Piece, prediction: Array | None) -> float:
        """Postprocess and write a piece; return the seconds that it took."""
        began = perf_counter()
        with noting("writing", piece.tile):
            halfwidth = None
            if prediction is not None:
                _require_finite(prediction, piece.tile, self.value_range)
                prediction, halfwidth = self.postprocessing(prediction, piece.lr, self.value_range)
            restored = self._cropped(piece, prediction)
            if restored is not None:
                blanked = _blanked(piece.values, piece.valid)
                restored = restore(restored, blanked, self.value_range)
            self._put(self.target, piece, restored, piece.values)
            if self.intervals is not None:
                held = piece.values.astype(np.float32)
                self._put(self.intervals, piece, self._cropped(piece, halfwidth), held)
        return perf_counter() - began

    def _put(self, target: "Target", piece: Piece, values: Array | None, held: Array) -> None:
        """Write values where the piece is valid, and ``held`` elsewhere."""
        tile, factor = piece.tile, self.factor
        valid = enlarged(piece.valid, factor)
        if values is None:
            merged = enlarged(held, factor)
        else:
            merged = values if valid.all() else np.where(valid, values, enlarged(held, factor))
        target.write(factor * tile.top, factor * tile.left, merged, valid)

    def _cropped(self, piece: Piece, values: Array | None) -> Array | None:
        """Return the core of values (C, f h', f w') that cover the context."""
        if values is None:
            return None
        top, left = piece.tile.top - piece.context.top, piece.tile.left - piece.context.left
        rows = slice(self.factor * top, self.factor * (top + piece.tile.height))
        columns = slice(self.factor * left, self.factor * (left + piece.tile.width))
        return values[:, rows, columns]


def _require_finite(prediction: Array, tile: Tile, value_range: ValueRange) -> None:
    if not np.isfinite(prediction).all():
        raise UserError(
            "result-not-finite",
            f"the network's result is not finite near row {tile.top}, column {tile.left}: the "
            f"scene holds values far beyond the range {value_range}",
            "declare them as nodata in the file, or give the range of its values",
        )


def _blanked(values: Array, valid: Array) -> Array:
    """Return values with 0 where invalid: there may be NaN or numbers too large to compute with."""
    return values if valid.all() else np.where(valid, values, values.dtype.type(0))


@contextmanager
def noting(action: str, tile: Tile) -> Iterator[None]:
    """Add a note to errors: what was being done, and at which tile."""
    try:
        yield
    except Exception as error:
        error.add_note(f"while {action} the tile at row {tile.top}, column {tile.left}")
        raise
