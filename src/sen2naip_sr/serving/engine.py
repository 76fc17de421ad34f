"""The networks of a server, and the one way in which requests, jobs and the page use them."""

import contextvars
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock
from time import perf_counter
from typing import Any, TypeVar

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.serving.line import Line
from sen2naip_sr.serving.metrics import Metrics
from sen2naip_sr.serving.settings import ServeSettings
from sen2naip_sr.upscaling.catalogue import Entry, entries
from sen2naip_sr.upscaling.files import Upscaled, upscale_file
from sen2naip_sr.upscaling.parameters import UpscalerParameters, make_options
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.names import shipped_names

LARGEST_TILE, TILE_BYTES = 512, 2**30
"""Bounds of a tile's side, and of what it takes in float32. Larger tiles are hardly quicker."""

Progress = Callable[[int, int], object]
T = TypeVar("T")


def in_passing_thread(call: Callable[[], T]) -> T:
    """Call something in a thread that ends with it.

    Only one lasting thread may call torch, that of the predictions; see `Line`. What is short and
    seldom may have another, whose team of threads ends with it.
    """
    with ThreadPoolExecutor(1) as passing:
        return passing.submit(call).result()


def _loaded(options: UpscalerParameters) -> tuple[Upscaler, int]:
    """Return an upscaler and the side of its tiles."""
    upscaler = Upscaler(options)
    return upscaler, min(LARGEST_TILE, upscaler.network.tile_within(TILE_BYTES))


class Cancelled(Exception):
    """The work was cancelled by whoever asked for it, or since the server stops."""


@dataclass(frozen=True)
class Made:
    """A scene that was upscaled.

    Attributes:
        target: The result, a cloud-optimised GeoTIFF.
        interval: Half-widths of the intervals; None if they were not asked for.
        result: What is known of it: size, bounds, value range, seconds, what made it.
    """

    target: Path
    interval: Path | None
    result: Upscaled


class Engine:
    """Upscales scenes for everybody in one process: one prediction at a time, over all cores.

    Each model is loaded once; options only change what is done with its result. Scenes that
    somebody waits for are upscaled one after the other, in the order of asking. Long ones, the
    jobs, make room for these between their tiles.

    Args:
        settings: The server's settings.
        metrics: Counts what is done; None: nobody asks.
    """

    def __init__(self, settings: ServeSettings, metrics: Metrics | None = None) -> None:
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._upscalers: dict[str, Upscaler] = {}
        self._tiles: dict[str, int] = {}
        self._entries: list[Entry] | None = None
        self._loading = Lock()
        self._line = Line()
        self._stopping = Event()

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that can be asked for; the default one comes first."""
        default = self._settings.model
        return (default, *(name for name in shipped_names() if name != default))

    def entries(self) -> list[Entry]:
        """Return what is known of each model: size, receptive field, quality by place."""
        with self._loading:
            if self._entries is None:
                self._entries = in_passing_thread(lambda: entries(measure=False))
            return self._entries

    def load(self, model: str | None = None) -> Upscaler:
        """Return the upscaler of a model, loaded at the first call.

        Args:
            model: One of `models`; None: the server's default.

        Raises:
            UserError: If there is no such model, or its weights are damaged.
        """
        name = model or self._settings.model
        if name not in self.models:
            raise UserError(
                "unknown-model",
                describe_unknown("model", name, list(self.models)),
                "choose one of the valid names",
            )
        with self._loading:
            if name not in self._upscalers:
                s = self._settings
                options = make_options(model=name, device=s.device, threads=s.threads)
                self._upscalers[name], self._tiles[name] = in_passing_thread(
                    lambda: _loaded(options)
                )
            return self._upscalers[name]

    def check(self, options: UpscalerParameters) -> Upscaler:
        """Return the upscaler for options; what is the server's to choose has no effect.

        Raises:
            UserError: If the model cannot be had, or not with these options.
        """
        upscaler = self.load(options.model)
        own: dict[str, Any] = {"tile": self._tiles[options.model], "batch": None, "weights": None}
        return upscaler.with_options(options.model_copy(update=own | {"drivers": []}))

    def check_scene(self, source: Path, options: UpscalerParameters) -> None:
        """Check what can be told of a scene without its pixels: its bands and their type.

        Raises:
            UserError: If it cannot be upscaled.
        """
        with self.check(options).open(source):
            pass

    @property
    def is_ready(self) -> bool:
        """Whether the default model is loaded and work is taken."""
        return self._settings.model in self._upscalers and not self._stopping.is_set()

    def upscale(  # noqa: PLR0913 - the last three are keywords
        self,
        source: Path,
        target: Path,
        options: UpscalerParameters,
        *,
        progress: Progress | None = None,
        cancelled: Event | None = None,
        long: bool = False,
    ) -> Made:
        """Upscale a raster file to a file, and wait for it.

        Args:
            source: The scene. Its format and size have been checked by `check_scene` of
                `guard.uploads`.
            target: The result; an existing file is replaced. Intervals go beside it.
            options: How, made by `make_options`. What chooses weights other than a model's, device,
                threads, tiles or drivers is the server's and has no effect.
            progress: Called with the number of finished tiles and that of all tiles.
            cancelled: Once it is set, the work ends: at once while it waits, else at the next tile.
            long: Whether it makes room for others between its tiles.

        Raises:
            UserError: If the scene cannot be upscaled, or takes longer than is allowed.
            Cancelled: If ``cancelled`` was set, or the server stops. Nothing is left.
        """
        cancelled = cancelled or Event()
        work = self.begin(
            source, target, options, progress=progress, cancelled=cancelled, long=long
        )
        while True:
            try:
                return work.result(timeout=0.2)
            except TimeoutError:
                if work.done():
                    raise
                if cancelled.is_set() or self._stopping.is_set():
                    work.cancel()
            except CancelledError as error:
                raise Cancelled from error

    def begin(  # noqa: PLR0913 - the last three are keywords
        self,
        source: Path,
        target: Path,
        options: UpscalerParameters,
        *,
        progress: Progress | None = None,
        cancelled: Event | None = None,
        long: bool = False,
    ) -> "Future[Made]":
        """Begin to upscale a raster file; arguments and errors as those of `upscale`."""
        upscaler = self.check(options)
        job = Job(source, target)

        def work() -> Made:
            advance = self._advance(progress, cancelled or Event(), long)
            began = perf_counter()
            result = upscale_file(upscaler, job, overwrite=True, progress=advance)
            self._metrics.upscaled(options.model, result, perf_counter() - began)
            return Made(target, job.interval if result.intervals else None, result)

        try:
            # with the caller's context: Gradio finds its event by it when progress is reported
            return self._line.submit(partial(contextvars.copy_context().run, work), long=long)
        except RuntimeError as error:
            raise Cancelled from error

    def close(self) -> None:
        """Cancel what is done at the next tile, and wait for that."""
        self._stopping.set()
        self._line.close()

    def _advance(self, progress: Progress | None, cancelled: Event, long: bool) -> Progress:
        """Return what is called at every tile."""
        deadline = perf_counter() + self._settings.max_seconds

        def go_on() -> None:
            if cancelled.is_set() or self._stopping.is_set():
                raise Cancelled
            if perf_counter() > deadline:
                raise UserError(
                    "too-slow",
                    f"the scene takes longer than {self._settings.max_seconds:g} s",
                    "cut it into parts, or choose a smaller model",
                )

        def advance(done: int, total: int) -> None:
            if progress:
                progress(done, total)
            if done == total:
                return
            go_on()
            if long:
                self._line.let_others_go_first()

        go_on()
        return advance
