"""The runs of the page: from a chosen scene to what is shown of its result."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from anyio import to_thread

from sen2naip_sr.serving.engine import Cancelled, Engine, Made, in_passing_thread
from sen2naip_sr.serving.guard.uploads import check_scene
from sen2naip_sr.serving.page.form import Form
from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.serving.page.presentation import Shown, present, view
from sen2naip_sr.serving.page.remedies import no_scene, upload_expired
from sen2naip_sr.serving.page.shelf import Drawer, Shelf, is_inside
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.progress import Progress
from sen2naip_sr.serving.settings import ServeSettings
from sen2naip_sr.upscaling.parameters import UpscalerParameters

_SECONDS = 0.25
"""Between two looks at a run's progress."""


@dataclass
class Run:
    """One scene of one visitor.

    Attributes:
        drawer: Where its files are.
        upload: The uploaded scene.
        scene: The same in the drawer, without an address.
        options: How it is upscaled.
        cancelled: Set if the visitor wants it to end.
        progress: How far it is.
        made: Its result, when there is one.
    """

    drawer: Drawer
    upload: Path
    scene: Path
    options: UpscalerParameters
    cancelled: Event = field(default_factory=Event)
    progress: Progress = field(default_factory=Progress)
    made: Made | None = None


class Runs:
    """The runs of all visitors; each has one, and the next replaces it.

    Args:
        engine: What upscales.
        settings: The server's settings.
        places: The places of scenes that somebody waits for.
        shelf: The page's files.
        networks: The networks to choose from.
    """

    def __init__(
        self,
        engine: Engine,
        settings: ServeSettings,
        places: Places,
        shelf: Shelf,
        networks: Sequence[Choice],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._places = places
        self._shelf = shelf
        self._networks = {choice.entry.model: choice for choice in networks}
        self._of: dict[str, Run] = {}

    async def upscale(
        self, visitor: str, upload: str | None, form: Form
    ) -> AsyncIterator[Progress | Shown]:
        """Upscale a scene, and yield the progress and at last what is shown of the result.

        Args:
            visitor: Whose run it is.
            upload: The path of the uploaded scene.
            form: How to upscale it.

        Raises:
            UserError: If it cannot be upscaled, or too many others wait.
            Cancelled: If the visitor stopped it, or the server stops.
        """
        options = form.options()
        self.stop(visitor)
        self._shelf.remove(self._of.pop(visitor).drawer if visitor in self._of else None)
        self._forget()
        with self._places.place():
            run = await to_thread.run_sync(self._begin, upload, options)
            self._of[visitor] = run
            try:
                async for progress in self._progress(run):
                    yield progress
                assert run.made is not None
                self._places.took(run.made.result.seconds)
                yield await to_thread.run_sync(in_passing_thread, partial(self._present, run))
            except BaseException:
                run.cancelled.set()
                if self._of.get(visitor) is run:
                    del self._of[visitor]
                self._shelf.remove(run.drawer)
                raise

    def stop(self, visitor: str) -> None:
        """End a visitor's run at its next tile."""
        if visitor in self._of:
            self._of[visitor].cancelled.set()

    def leave(self, visitor: str) -> None:
        """End the run of a visitor who is gone, and let the files expire soon."""
        self.stop(visitor)
        if run := self._of.pop(visitor, None):
            self._shelf.expire_soon(run.drawer.folder)
            self._shelf.expire_soon(run.upload.parent)

    def look_at(self, visitor: str, across: float, down: float) -> dict[str, Any] | None:
        """Return the viewer's value for another part of a visitor's result, if there is one.

        Args:
            visitor: Whose result it is.
            across: Where the part lies, from 0 (left) to 1 (right).
            down: The same from top to bottom.

        Raises:
            UserError: If the files have been removed in the meantime.
        """
        run = self._of.get(visitor)
        if run is None or run.made is None:
            return None
        with self._engine.check(run.options).open(run.scene) as scene:
            return view(run.made, scene, run.drawer, across, down)

    def _forget(self) -> None:
        """Forget runs whose files have expired."""
        kept = {visitor: run for visitor, run in self._of.items() if run.drawer.folder.exists()}
        self._of = kept

    def _begin(self, upload: str | None, options: UpscalerParameters) -> Run:
        if not upload:
            raise no_scene()
        if not is_inside(Path(upload), self._shelf.uploads):
            raise upload_expired()
        drawer = self._shelf.new()
        try:
            scene = _moved(Path(upload), drawer)
            check_scene(scene, self._settings)
            self._engine.check(options)
        except BaseException:
            self._shelf.remove(drawer)
            raise
        return Run(drawer, Path(upload), scene, options)

    async def _progress(self, run: Run) -> AsyncIterator[Progress]:
        """Yield the progress until the result is there."""
        pixels = await to_thread.run_sync(check_scene, run.scene, self._settings)
        work: Future[Made] = self._engine.begin(
            run.scene,
            run.drawer.folder / f"{run.scene.stem}_x2.tif",
            run.options,
            progress=run.progress,
            cancelled=run.cancelled,
            long=pixels > self._settings.max_pixels_at_once,
        )
        try:
            while not work.done():
                yield run.progress
                await asyncio.sleep(_SECONDS)
                if run.cancelled.is_set():
                    # what has not begun ends at once, all other work at its next tile
                    work.cancel()
            made = work.result()
            if run.cancelled.is_set():
                raise Cancelled
            run.made = made
        except CancelledError as error:
            raise Cancelled from error
        finally:
            if not work.done():
                run.cancelled.set()
                work.cancel()

    def _present(self, run: Run) -> Shown:
        assert run.made is not None
        with self._engine.check(run.options).open(run.scene) as scene:
            return present(run.made, scene, self._networks[run.options.model], run.drawer)


def _moved(upload: Path, drawer: Drawer) -> Path:
    """Return the upload in a drawer, alone in its folder, with a name that is safe.

    Raises:
        UserError: If it is not there any more.
    """
    stem = re.sub(r"[^\w-]+", "_", upload.stem, flags=re.ASCII).strip("_")[:60] or "scene"
    scene = drawer.hidden() / f"{stem}.tif"
    try:
        try:
            os.link(upload, scene)
        except FileNotFoundError:
            raise
        except OSError:
            # not every file system has links
            shutil.copyfile(upload, scene)
    except FileNotFoundError as error:
        raise upload_expired() from error
    return scene
