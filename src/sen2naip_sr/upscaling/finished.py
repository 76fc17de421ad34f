"""Results that are up to date: their tags say what they were made from, and how."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.locations import locate
from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.upscaling.scenes import Job

TAG = "SEN2NAIP_SR_"
"""Prefix of the tags that say how a file was made."""


def digest(settings: dict[str, Any]) -> str:
    """Return a hash of everything that a result depends on, apart from the scene."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def source_state(source: Path | str) -> str:
    """Return a scene's name, size and modification time, which reveal a later change.

    A member of an archive has those of the archive. A remote scene has its name only. A product
    has the sizes and times of all its files, as a hash.

    Raises:
        UserError: If a local file is missing.
    """
    product = find_product(source)
    if product is not None:
        states = [[file.name, *_size_and_time(file)] for file in product.files]
        return f"{product.name} {hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]}"
    location = locate(source)
    if location.file is None:
        return location.given
    size, time = _size_and_time(location.file)
    name = location.file.name if location.plain else location.given
    return f"{name} {size} {time}"


def _size_and_time(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def is_finished(job: Job, settings: str, *, with_interval: bool) -> bool:
    """Return whether a job's results exist, with these settings (a `digest`) of the same scene."""
    files = [job.target, *([job.interval] if with_interval else [])]
    return all(is_made_so(file, job.source, settings) for file in files)


def is_made_so(result: Path, source: Path | str, settings: str) -> bool:
    """Return whether a file was made with these settings from a scene as it is now."""
    if not os.path.isfile(result):
        return False
    try:
        expected = {f"{TAG}SETTINGS": settings, f"{TAG}SOURCE": source_state(source)}
    except (UserError, OSError):
        return False
    return expected.items() <= _tags(result).items()


def _tags(path: Path) -> dict[str, str]:
    try:
        with open_raster(path) as source:
            return dict(source.tags())
    except UserError:
        return {}
