"""Results that are up to date: their tags say what they were made from, and how."""

import hashlib
import json
from pathlib import Path
from typing import Any

from rasterio.errors import RasterioError

from sen2naip_sr.raster.georeferencing import quietly_opened
from sen2naip_sr.upscaling.scenes import Job

TAG = "SEN2NAIP_SR_"
"""Prefix of the tags that say how a file was made."""


def digest(settings: dict[str, Any]) -> str:
    """Return a hash of everything that a result depends on, apart from the scene."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def source_state(path: Path) -> str:
    """Return a scene's name, size and modification time, which reveal a later change."""
    state = path.stat()
    return f"{path.name} {state.st_size} {state.st_mtime_ns}"


def is_finished(job: Job, settings: str, *, with_interval: bool) -> bool:
    """Return whether a job's results exist, with these settings (a `digest`) of the same scene."""
    files = [job.target, *([job.interval] if with_interval else [])]
    return all(is_made_so(file, job.source, settings) for file in files)


def is_made_so(result: Path, source: Path, settings: str) -> bool:
    """Return whether a file was made with these settings from a scene as it is now."""
    if not (result.is_file() and source.is_file()):
        return False
    expected = {f"{TAG}SETTINGS": settings, f"{TAG}SOURCE": source_state(source)}
    return expected.items() <= _tags(result).items()


def _tags(path: Path) -> dict[str, str]:
    try:
        with quietly_opened(path) as source:
            return dict(source.tags())
    except RasterioError:
        return {}
