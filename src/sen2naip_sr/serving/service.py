"""What the routes share: the parts of a running server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request

from sen2naip_sr.errors import find_user_error
from sen2naip_sr.serving.engine import Engine
from sen2naip_sr.serving.metrics import Metrics
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.settings import ServeSettings

SCENE, RESULT = "scene.tif", "scene_x2.tif"
"""Names of a scene and its result, each in a folder of their own."""


@dataclass(frozen=True)
class Service:
    """The parts of a running server.

    Attributes:
        settings: Its settings.
        engine: What upscales.
        metrics: What is counted.
        places: The places of scenes that somebody waits for.
    """

    settings: ServeSettings
    engine: Engine
    metrics: Metrics
    places: Places

    @property
    def requests(self) -> Path:
        """The folder of the scenes that somebody waits for."""
        return self.settings.spool / "requests"

    def make_folder(self) -> Path:
        """Return a new folder for one request.

        Raises:
            UserError: If the disk is full.
        """
        folder = self.requests / uuid4().hex
        with explained():
            folder.mkdir(parents=True, mode=0o700)
        return folder


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors of the disk into errors that have a code."""
    try:
        yield
    except OSError as error:
        if found := find_user_error(error):
            raise found from error
        raise


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def service_of(request: Request) -> Service:
    """Return the parts of the server that answers a request."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
