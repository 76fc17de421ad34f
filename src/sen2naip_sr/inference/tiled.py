"""Upscales a scene of any size: tiles are read, predicted and written at the same time."""

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from sen2naip_sr.ahead import WORKERS, map_ahead
from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import release_freed_memory
from sen2naip_sr.inference.pieces import Output, Piece, noting, read_piece
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.raster.windows import Plan, Tile, plan

RELEASE_EVERY = 16
"""Batches between two releases of freed memory. This rarely it costs next to nothing."""

if TYPE_CHECKING:
    from sen2naip_sr.inference.network import Network
    from sen2naip_sr.raster.areas.area import Area
    from sen2naip_sr.raster.protocol import Scene, Target


@dataclass
class Statistics:
    """What upscaling a scene cost.

    Reading, predicting and writing overlap, so their seconds add up to more than the total.

    Attributes:
        pixels: Pixels of the scene, or of the part of it that is wanted.
        predicted_tiles: Tiles that the network was applied to.
        skipped_tiles: Tiles without a valid pixel, which cost no prediction.
        read_seconds: In reading and preparing windows, over all threads.
        predict_seconds: In the network.
        write_seconds: In postprocessing, turning predictions into digital numbers, and writing.
        seconds: From the beginning to the end.
    """

    pixels: int
    predicted_tiles: int = 0
    skipped_tiles: int = 0
    read_seconds: float = 0.0
    predict_seconds: float = 0.0
    write_seconds: float = 0.0
    seconds: float = 0.0


def upscale_scene(  # noqa: PLR0913 - the last four are keywords
    scene: "Scene",
    target: "Target",
    network: "Network",
    *,
    value_range: ValueRange,
    tile: int = 512,
    batch: int = 1,
    postprocessing: Postprocessing | None = None,
    intervals: "Target | None" = None,
    area: "Area | None" = None,
    progress: Callable[[int, int], object] | None = None,
) -> Statistics:
    """Upscale a scene by the network's factor, with the result of predicting it in one piece.

    That piece is the scene with its invalid pixels filled (`values.fill`), and reflected by the
    network's halo at its edges. Invalid pixels stay invalid, keep their value and become as much
    larger. Their values change no valid pixel. Windows are read in a few threads, predicted in the
    calling thread and written in another. How many of them wait depends on the batch alone, so
    memory does not grow with the scene.

    Args:
        scene: The scene, opened.
        target: Receives the result; every output pixel is written once, in any order.
        network: What predicts. It gets batches of one shape; the last one may hold fewer tiles.
        value_range: Digital numbers that become 0 and 1 for the network.
        tile: The largest side of the area that is written at once, in pixels of the scene.
        batch: Tiles to predict at once.
        postprocessing: Steps between prediction and result.
        intervals: Receives the half-widths of the intervals, if any are wanted.
        area: The part that is wanted; None: all. The tiles that show any of it are predicted, as
            they are for the whole scene, and written as a whole.
        progress: Called in this thread with the number of finished tiles and that of all tiles.

    Returns:
        What it cost.

    Raises:
        UserError: If the network is for other bands or depends on the whole image, or if its
            results are not finite.
        BaseException: Whatever reading, predicting, writing or a keyboard interrupt raises.
            Errors carry a note with their tile. No thread is left behind.
    """
    if network.bands != scene.count:
        raise UserError(
            "bands-differ",
            f"{scene.name}: {scene.count} bands, and the network was built for {network.bands}",
            "choose the bands that it was trained on, or weights for these",
        )
    began = perf_counter()
    postprocessing = postprocessing or Postprocessing()
    halo = network.halo + postprocessing.halo
    tiles = plan(scene.height, scene.width, tile=tile, halo=halo, multiple=network.multiple)
    if area is not None:
        tiles = replace(tiles, part=area.window)
    read = partial(read_piece, scene, network.halo, postprocessing, value_range, area)
    output = Output(target, intervals, postprocessing, value_range, network.factor)
    statistics = Statistics(math.prod(area.window[2:] if area else (scene.height, scene.width)))
    done = itertools.count(1)

    def count(seconds: float) -> None:
        statistics.write_seconds += seconds
        if progress is not None:
            progress(next(done), len(tiles))

    with (
        _behind(output.write, 2 * batch, count) as write,
        closing(map_ahead(lambda group: [read(t) for t in group], _groups(tiles, batch))) as groups,
    ):
        batches = _batches(itertools.chain.from_iterable(groups), batch)
        for number, pieces in enumerate(batches, 1):
            statistics.read_seconds += sum(piece.seconds for piece in pieces)
            predictions = _predict(network, pieces, statistics)
            for piece, prediction in zip(pieces, predictions, strict=True):
                write(piece, prediction)
            if number % RELEASE_EVERY == 0:
                release_freed_memory()
    statistics.seconds = perf_counter() - began
    return statistics


def _batches(pieces: Iterable[Piece], size: int) -> Iterator[list[Piece]]:
    """Yield pieces to predict in lists of ``size``, and pieces without valid pixels singly."""
    waiting: list[Piece] = []
    for piece in pieces:
        if piece.window is None:
            yield [piece]
            continue
        waiting.append(piece)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _groups(tiles: Plan, batch: int) -> Iterator[list[Tile]]:
    """Yield tiles in groups of such a size that two groups a reading thread are two batches."""
    source = iter(tiles)
    while group := list(itertools.islice(source, math.ceil(batch / WORKERS))):
        yield group


def _predict(network: "Network", pieces: list[Piece], statistics: Statistics) -> list[Array | None]:
    """Return the predictions of the pieces' contexts; None for a piece without a valid pixel."""
    windows = [piece.window for piece in pieces if piece.window is not None]
    if not windows:
        statistics.skipped_tiles += 1
        return [None]
    began = perf_counter()
    with noting("predicting", pieces[0].tile):
        upscaled = network(np.stack(windows), trim=network.halo)
    statistics.predict_seconds += perf_counter() - began
    statistics.predicted_tiles += len(pieces)
    return [
        image[:, *piece.context.core(network.factor, trim=network.halo)]
        for image, piece in zip(upscaled, pieces, strict=True)
    ]


@contextmanager
def _behind(
    function: Callable[[Piece, Array | None], float], limit: int, count: Callable[[float], None]
) -> Iterator[Callable[[Piece, Array | None], None]]:
    """Run a function in one background thread; submitting waits while ``limit`` calls are pending.

    Its errors are raised at a later call, or at the end. ``count`` is called with each result, in
    the caller's thread.
    """
    pending: deque[Future[float]] = deque()

    def submit(piece: Piece, prediction: Array | None) -> None:
        pending.append(pool.submit(function, piece, prediction))
        while pending and (pending[0].done() or len(pending) > limit):
            count(pending.popleft().result())

    with ThreadPoolExecutor(1) as pool:
        # an interrupted start leaves a thread that nobody waits for: start it without work
        pool.submit(int).result()
        try:
            yield submit
            while pending:
                count(pending.popleft().result())
        finally:
            for future in pending:
                future.cancel()
