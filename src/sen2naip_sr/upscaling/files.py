"""One raster file upscaled to a cloud-optimised GeoTIFF."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import hypot
from pathlib import Path
from time import perf_counter
from typing import Any

from rasterio.transform import array_bounds

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.tiled import Statistics
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.raster.areas.view import AreaFile
from sen2naip_sr.raster.cog import writing_cog
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.upscaling.finished import TAG, digest, is_made_so, source_state
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.upscaling.stac.item import require_place, write_item
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.calibration import Calibration


@dataclass(frozen=True)
class Upscaled:
    """A file that was upscaled.

    Attributes:
        width: Columns of the result.
        height: Rows of the result.
        pixel: Size of its pixels in the units of ``crs``; None without georeferencing.
        bounds: Left, bottom, right, top; None without georeferencing.
        crs: Coordinate reference system as text; None without one.
        placed_by: What else places it on the ground; None where its bounds do, or nothing does.
        value_range: Digital numbers that were 0 and 1 to the network.
        intervals: Whether intervals were written too.
        item: Whether a STAC item was written too.
        seconds: From opening the scene to the finished files.
        statistics: What the tiles cost.
        made_with: What made it, as `Upscaler.describe` says it.
    """

    width: int
    height: int
    pixel: tuple[float, float] | None
    bounds: tuple[float, float, float, float] | None
    crs: str | None
    placed_by: str | None
    value_range: ValueRange
    intervals: bool
    item: bool
    seconds: float
    statistics: Statistics
    made_with: dict[str, str]

    @property
    def megapixels_per_second(self) -> float:
        """Millions of pixels of the result a second."""
        return 1e-6 * self.width * self.height / max(self.seconds, 1e-9)


def upscale_file(
    upscaler: Upscaler,
    job: Job,
    *,
    overwrite: bool = False,
    stac: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> Upscaled:
    """Upscale a raster file.

    Args:
        upscaler: The network and its options.
        job: The file and where its result goes; the folder is made.
        overwrite: Whether existing results may be replaced. Half of a pair of result and
            intervals, left by an interrupted run, is replaced in any case.
        stac: Whether to write a STAC item too, when the result is finished.
        progress: Called with the number of finished tiles and that of all tiles.

    Raises:
        UserError: If the file cannot be read or upscaled, or the result cannot be written.
    """
    began = perf_counter()
    settings = digest(upscaler.settings)
    with ExitStack() as opened:
        scene = opened.enter_context(upscaler.open(job.source))
        area = upscaler.parameters.area_of(scene, scene.georeferencing, upscaler.factor)
        part = AreaFile(scene, area) if area else None
        shown = part or scene
        found = upscaler.settings_for(scene)
        made_with = upscaler.describe(found)
        _make_folder(job.target.parent)
        if stac:
            require_place(job, scene, overwrite=overwrite)
        tags = {f"{TAG}{name.upper()}": text for name, text in made_with.items()}
        tags |= {f"{TAG}SETTINGS": settings, f"{TAG}SOURCE": source_state(scene.path)}
        replaceable = partial(is_made_so, source=job.source, settings=settings)
        target = opened.enter_context(
            writing_cog(
                job.target,
                shown,
                tags,
                overwrite=overwrite or replaceable(job.target),
                factor=upscaler.factor,
            )
        )
        intervals = None
        if upscaler.calibration:
            intervals = opened.enter_context(
                writing_cog(
                    job.interval,
                    shown,
                    tags | _interval_tags(upscaler.calibration),
                    dtype="float32",
                    differences=True,
                    overwrite=overwrite or replaceable(job.interval),
                    factor=upscaler.factor,
                )
            )
        statistics = upscaler.write(scene, found, target, intervals, progress=progress, area=part)
    if stac:
        write_item(job, scene, intervals=intervals is not None)
    return _summary(
        shown,
        upscaler.factor,
        value_range=found.value_range,
        intervals=intervals is not None,
        item=stac,
        seconds=perf_counter() - began,
        statistics=statistics,
        made_with=made_with,
    )


def describe_finished(upscaler: Upscaler, job: Job, *, overwrite: bool = False) -> None:
    """Write the STAC item of a result that is finished already.

    Raises:
        UserError: If the scene or its result cannot be read, or the item not be written.
    """
    with upscaler.open(job.source) as scene:
        require_place(job, scene, overwrite=overwrite)
        write_item(job, scene, intervals=upscaler.calibration is not None)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            "folder-not-made", f"{path}: cannot be made ({error.strerror})", "choose another"
        ) from error


def _interval_tags(calibration: Calibration) -> dict[str, str]:
    return {
        f"{TAG}INTERVAL": "half-widths",
        f"{TAG}INTERVAL_LEVEL": f"{calibration.level:g}",
        f"{TAG}INTERVAL_CALIBRATION": (
            f"{calibration.images} images of {', '.join(calibration.places)}"
        ),
    }


def _summary(scene: FileScene | AreaFile, factor: int, **made: Any) -> Upscaled:
    ground = scene.georeferencing.refined(factor)
    transform, height, width = ground.transform, factor * scene.height, factor * scene.width
    known = not transform.is_identity
    placed_by = "control points" if ground.gcps else "RPC model" if ground.rpcs else None
    return Upscaled(
        width=width,
        height=height,
        pixel=(hypot(transform.a, transform.d), hypot(transform.b, transform.e)) if known else None,
        bounds=array_bounds(height, width, transform) if known else None,
        crs=ground.crs.to_string() if ground.crs else None,
        placed_by=None if known else placed_by,
        **made,
    )
