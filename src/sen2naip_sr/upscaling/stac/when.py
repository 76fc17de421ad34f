"""When what a result shows was acquired, as STAC's date and time, and where that is known from."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.locations import locate
from sen2naip_sr.raster.scene import FileScene

DAY = timedelta(days=1)
TAG = "TIFFTAG_DATETIME"


@dataclass(frozen=True)
class When:
    """A time or a span of time.

    Attributes:
        start: Its beginning.
        end: Its end; None: it is a point in time.
        stated_by: Where it is known from, in words.
    """

    start: datetime
    end: datetime | None
    stated_by: str

    @property
    def fields(self) -> dict[str, str | None]:
        """The properties of a STAC item: ``datetime``, or null with start and end."""
        if self.end is None:
            return {"datetime": in_text(self.start)}
        span = {"start_datetime": in_text(self.start), "end_datetime": in_text(self.end)}
        return {"datetime": None, **span}


def acquired(scene: FileScene, source: Path | str, made: datetime) -> When:
    """Return when a scene was acquired, or what is known instead.

    In this order: the product's metadata (a day is a span), the date in a TIFF's header, the time
    of the file, and the time ``made`` of the result.
    """
    stated = scene.product.date if scene.product else ""
    if found := _from_metadata(stated):
        return found
    try:
        tagged = datetime.strptime(scene.tags.get(TAG, "").strip(), "%Y:%m:%d %H:%M:%S")
        return When(
            tagged.replace(tzinfo=UTC),
            None,
            f"{TAG} of the source, taken as UTC: perhaps not that of the acquisition",
        )
    except ValueError:
        pass
    file = _local_file(scene, source)
    unknown = "the acquisition is not stated"
    if file is None:
        return When(made, None, f"the time of the result: {unknown}")
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return When(changed, None, f"the time of the source's file: {unknown}")


def in_text(time: datetime) -> str:
    """Return a time as STAC has it (RFC 3339, UTC)."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _from_metadata(text: str) -> When | None:
    """Return a time, or a day as a span, as products state them."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
        return _day(time)
    return When(time, None, "the product's metadata")


def _day(start: datetime) -> When:
    end = start + DAY - timedelta(seconds=1)
    return When(start, end, "the product's metadata, which state the day")


def _local_file(scene: FileScene, source: Path | str) -> Path | None:
    if scene.product:
        return next((file for file in scene.product.files if file.exists()), None)
    try:
        return locate(source).file
    except UserError:
        return None
