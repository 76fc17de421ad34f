"""One network made ready for scenes, and one scene upscaled with it."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from time import perf_counter
from typing import Any

from rasterio.transform import array_bounds

from sen2naip_sr import __version__
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.network import Network, TorchNetwork, make_network
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.tiled import Statistics, upscale_scene
from sen2naip_sr.inference.values import ValueRange, choose_range, parse_range
from sen2naip_sr.raster.cog import writing_cog
from sen2naip_sr.raster.scene import Scene, open_scene
from sen2naip_sr.upscaling.finished import TAG, digest, is_made_so, source_state
from sen2naip_sr.upscaling.parameters import UpscalingParameters
from sen2naip_sr.upscaling.scenes import Job
from sen2naip_sr.weights.calibration import load_calibration
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped


@dataclass(frozen=True)
class Upscaled:
    """A scene that was upscaled.

    Attributes:
        width: Columns of the result.
        height: Rows.
        pixel: Size of its pixels in the units of ``crs``; None without georeferencing.
        bounds: Left, bottom, right, top; None without.
        crs: Coordinate reference system as text; None without.
        placed_by: What else places it on the ground; None where its bounds do, or nothing does.
        value_range: Digital numbers that were 0 and 1.
        intervals: Whether intervals were written too.
        seconds: From opening the scene to the finished files.
        statistics: What the tiles took.
    """

    width: int
    height: int
    pixel: tuple[float, float] | None
    bounds: tuple[float, float, float, float] | None
    crs: str | None
    placed_by: str | None
    value_range: ValueRange
    intervals: bool
    seconds: float
    statistics: Statistics

    @property
    def megapixels_per_second(self) -> float:
        """Millions of pixels of the result a second."""
        return 1e-6 * self.width * self.height / max(self.seconds, 1e-9)


class Upscaler:
    """A network with its weights, ready for any number of scenes.

    Args:
        parameters: What to upscale with, and how.
        weights: The weights; None: those that the parameters name.

    Attributes:
        label: The weights: architecture, step and hash.

    Raises:
        UserError: If there are no such weights, or the device or backend is not there, or the
            network cannot be tiled, or intervals are asked for and were not calibrated.
    """

    def __init__(self, parameters: UpscalingParameters, weights: Weights | None = None) -> None:
        self._parameters = p = parameters
        weights = weights or find_weights(p.model, p.weights)
        self._weights, self.label = weights, weights.label
        known = weights.metadata
        consistency = Consistency(get_recipe(known.recipe.partition("@")[0]))
        self._postprocessing = Postprocessing(
            consistency if p.consistency else None,
            load_calibration(weights) if p.uncertainty else None,
        )
        self._plain = make_network(
            weights.build(),
            bands=known.bands,
            device=p.device,
            backend=p.backend,  # type: ignore[arg-type] # checked there
            threads=p.threads,
        )
        self._network: Network = SelfEnsemble(self._plain) if p.ensemble else self._plain

    @property
    def network(self) -> TorchNetwork:
        """The network without an ensemble."""
        return self._plain

    @property
    def settings(self) -> dict[str, Any]:
        """All that the values of a result depend on, but for the scene."""
        p, calibration = self._parameters, self._postprocessing.calibration
        return {
            "weights": self.label,
            "version": __version__,
            "bands": p.bands,
            "range": p.value_range,
            "consistency": p.consistency,
            "ensemble": p.ensemble,
            "precision": self._plain.precision,
            "intervals": calibration.model_dump(mode="json") if calibration else None,
        }

    def tags(self, scene: Scene, value_range: ValueRange) -> dict[str, str]:
        """Return the tags of a scene's result: how it was made, and from what."""
        known = self._weights.metadata
        tags = {
            "VERSION": __version__,
            "MODEL": known.architecture,
            "WEIGHTS": self.label,
            "RECIPE": known.recipe,
            "RANGE": "{:g}:{:g}".format(*value_range),
            "CONSISTENCY": "on" if self._parameters.consistency else "off",
            "ENSEMBLE": "on" if self._parameters.ensemble else "off",
            "SETTINGS": digest(self.settings),
            "SOURCE": source_state(scene.path),
        }
        return {TAG + name: value for name, value in tags.items()}

    def __call__(self, job: Job, progress: Callable[[int, int], object] | None = None) -> Upscaled:
        """Upscale a scene.

        Args:
            job: The scene and where its result goes; the folder is made.
            progress: Called with the tiles done so far and all there are.

        Raises:
            UserError: If the scene cannot be read or upscaled, or the result not be written.
        """
        p = self._parameters
        began = perf_counter()
        _folder(job.target.parent)
        with ExitStack() as files:
            scene = files.enter_context(open_scene(job.source, p.bands))
            self._require_bands(scene)
            value_range = choose_range(parse_range(p.value_range), scene)
            tags = self.tags(scene, value_range)
            target = files.enter_context(
                writing_cog(
                    job.target, scene, tags, overwrite=self._replaceable(job.target, job.source)
                )
            )
            intervals = None
            if self._postprocessing.calibration:
                intervals = files.enter_context(
                    writing_cog(
                        job.interval,
                        scene,
                        tags | self._interval_tags(),
                        dtype="float32",
                        differences=True,
                        overwrite=self._replaceable(job.interval, job.source),
                    )
                )
            statistics = upscale_scene(
                scene,
                target,
                self._network,
                value_range=value_range,
                tile=p.tile or self._plain.tile,
                batch=p.batch or self._plain.batch,
                postprocessing=self._postprocessing,
                intervals=intervals,
                progress=progress,
            )
        return _summary(scene, value_range, statistics, intervals is not None, began)

    def _replaceable(self, result: Path, source: Path) -> bool:
        """Return whether a result may be replaced: also one of a pair that was not finished."""
        return self._parameters.overwrite or is_made_so(result, source, digest(self.settings))

    def _require_bands(self, scene: Scene) -> None:
        expected = self._weights.metadata.bands
        if scene.count != expected:
            order = " (red, green, blue, near-infrared)" if expected == 4 else ""
            raise UserError(
                "bands-differ",
                f"{scene.path}: {scene.count} bands, and the weights {self.label} expect "
                f"{expected}{order}",
                f"choose {expected} of the scene's bands, or give weights trained for these",
            )

    def _interval_tags(self) -> dict[str, str]:
        calibration = self._postprocessing.calibration
        assert calibration is not None
        return {
            f"{TAG}INTERVAL": (
                f"half-widths; prediction +- half-width holds the truth in "
                f"{calibration.level:.0%} of pixels like those of the calibration"
            ),
            f"{TAG}INTERVAL_LEVEL": f"{calibration.level:g}",
            f"{TAG}INTERVAL_CALIBRATION": (
                f"split conformal, {calibration.chips} chips, {calibration.pixels} pixels a band"
            ),
        }


def find_weights(model: str, path: Path | None) -> Weights:
    """Return the weights of a file, or those that come with the project.

    Raises:
        UserError: If there are none, or the file is damaged.
    """
    if path is not None:
        return load_weights(path)
    weights = load_shipped(model)
    if weights is None:
        raise UserError(
            "no-shipped-weights",
            f"no weights of '{model}' are shipped",
            "choose another model, or train this one and give its weights file",
        )
    return weights


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            "folder-not-made", f"{path}: cannot be made ({error.strerror})", "choose another"
        ) from error


def _summary(
    scene: Scene, value_range: ValueRange, statistics: Statistics, intervals: bool, began: float
) -> Upscaled:
    ground = scene.georeferencing.refined(2)
    transform, height, width = ground.transform, 2 * scene.height, 2 * scene.width
    known = not transform.is_identity
    placed_by = "control points" if ground.gcps else "RPC model" if ground.rpcs else None
    return Upscaled(
        width=width,
        height=height,
        pixel=(hypot(transform.a, transform.d), hypot(transform.b, transform.e)) if known else None,
        bounds=array_bounds(height, width, transform) if known else None,
        crs=ground.crs.to_string() if ground.crs else None,
        placed_by=None if known else placed_by,
        value_range=value_range,
        intervals=intervals,
        seconds=perf_counter() - began,
        statistics=statistics,
    )
