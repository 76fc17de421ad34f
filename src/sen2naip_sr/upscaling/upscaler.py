"""A network made ready to upscale any number of scenes: files, arrays or any other kind."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.foreign.network import OnnxNetwork
from sen2naip_sr.inference.intervals.width import Intervals
from sen2naip_sr.inference.network import Network, TorchNetwork
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.tiled import Statistics, upscale_scene
from sen2naip_sr.inference.values import ValueRange, unmarked_nodata
from sen2naip_sr.raster.areas.view import AreaScene, AreaTarget
from sen2naip_sr.raster.products.variants import VARIANTS
from sen2naip_sr.raster.protocol import Scene, Target
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.raster.suspects import SceneWithout
from sen2naip_sr.upscaling.conditions import Told, tell
from sen2naip_sr.upscaling.intervals import SceneIntervals, intervals_for
from sen2naip_sr.upscaling.networks.finding import find_network
from sen2naip_sr.upscaling.networks.trained import Trained
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.calibration import Calibration
from sen2naip_sr.weights.files import Weights


@dataclass(frozen=True)
class SceneSettings:
    """What an upscaler takes from one scene.

    Attributes:
        value_range: Digital numbers that become 0 and 1.
        told: What the network is told of it; None if it can be told nothing.
        faint: Whether its contrasts are too faint for a precision of few bits.
        unmarked: Values that are taken for nodata, although they are not declared.
        intervals: What makes its intervals; None if they are not wanted.
    """

    value_range: ValueRange
    told: Told | None
    faint: bool = False
    unmarked: tuple[float, ...] = ()
    intervals: SceneIntervals | None = None

    @property
    def intervals_made_by(self) -> Intervals | None:
        """What computes the half-widths; None if they are not wanted."""
        return self.intervals.made_by if self.intervals else None

    def shown(self, scene: Scene) -> Scene:
        """Return the scene as the network sees it."""
        return SceneWithout(scene, self.unmarked) if self.unmarked else scene


class Upscaler:
    """A network with its weights and options.

    Args:
        parameters: Weights, options and device.
        weights: The weights; None: those that the parameters name.

    Attributes:
        label: The weights: architecture, step and hash.
        network: The network for clean images, without a self-ensemble.
        calibration: Of its intervals; None if they are not wanted.

    Raises:
        UserError: If there are no such weights, the device or backend is not available, the
            network cannot be applied to tiles, there is no calibration for the intervals, or the
            weights cannot be told the given noise, blur or compression.
    """

    def __init__(self, parameters: UpscalerParameters, weights: Weights | None = None) -> None:
        self._source = find_network(parameters, weights)
        self.label, self.network = self._source.label, self._source.plain
        self._set(parameters)

    def _set(self, parameters: UpscalerParameters) -> None:
        p = self.parameters = parameters
        source = self._source
        source.require(p)
        self._consistency = Consistency(source.recipe) if p.consistency else None
        self.calibration: Calibration | None = source.calibration() if p.uncertainty else None
        self._latest: tuple[Told | None, bool, TorchNetwork | OnnxNetwork] | None = None

    def _network_for(self, told: Told | None, faint: bool) -> TorchNetwork | OnnxNetwork:
        """Return the network for a scene, without a self-ensemble.

        That of the last scene is kept: intervals need it before the scene is upscaled.
        """
        latest = self._latest
        if latest and latest[0] is told and latest[1] == faint:
            return latest[2]
        network = self._source.network_for(told, self._given_sharpness, faint=faint)
        self._latest = (told, faint, network)
        return network

    def module_for(self, scene: Scene) -> tuple[nn.Module, SceneSettings]:
        """Return the network for a scene as a torch module, and what is taken from the scene.

        It is what `write` computes with, before it is made fast for one device.

        Raises:
            UserError: See `settings_for`.
        """
        settings = self.settings_for(scene)
        network = self._network_for(settings.told, settings.faint)
        if not isinstance(network, TorchNetwork):
            raise UserError(
                "onnx-option-refused",
                f"{self.label}: is no torch module",
                "use weights of this project",
            )
        return network.model, settings

    @property
    def _given_sharpness(self) -> float:
        """The sharpness of a network that can be told nothing."""
        sharpness = self.parameters.sharpness
        return 1.0 if sharpness == "auto" else sharpness

    def with_options(self, parameters: UpscalerParameters) -> "Upscaler":
        """Return an upscaler with the same network and other options.

        What chooses weights, device, backend, precision and threads has no effect.

        Raises:
            UserError: If there is no calibration for the intervals, or the weights cannot be told
                the given noise, blur or compression.
        """
        other = copy.copy(self)
        other._set(parameters)
        return other

    @property
    def name(self) -> str:
        """The name of its weights."""
        return self._source.name

    @property
    def factor(self) -> int:
        """Rows and columns of a result per row and column of its scene."""
        return self._source.factor

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the values of a result depend on, apart from the scene."""
        p, calibration = self.parameters, self.calibration
        return {
            "weights": self.label,
            "version": __version__,
            "bands": p.bands,
            **({} if p.nodata is None else {"nodata": p.nodata}),
            **({} if p.variant == VARIANTS[0] else {"variant": p.variant}),
            "range": p.value_range,
            "consistency": p.consistency,
            "ensemble": p.ensemble,
            **({"area": p.area.identity()} if p.area else {}),
            "sharpness": p.sharpness,
            "flat_areas": p.flat_areas if self._source.conditioned else None,
            "told": [p.noise, p.blur, p.compression] if self._source.conditioned else None,
            "precision": self.network.precision,
            "intervals": calibration.model_dump(mode="json") if calibration else None,
        }

    def describe(self, settings: SceneSettings) -> dict[str, str]:
        """Return in words what made a result, for the ``settings`` of `settings_for`."""
        source = self._source
        plain = {"sharpness": f"{self._given_sharpness:g}"} if isinstance(source, Trained) else {}
        return {
            "version": __version__,
            "model": source.name,
            "weights": self.label,
            **source.described(),
            "range": "{:g}:{:g}".format(*settings.value_range),
            "precision": "float32" if settings.faint else self.network.precision,
            **(settings.told.in_words if settings.told else plain),
            "consistency": "on" if self.parameters.consistency else "off",
            "ensemble": "on" if self.parameters.ensemble else "off",
            **({"intervals": settings.intervals.in_words} if settings.intervals else {}),
        }

    def open(self, path: Path | str) -> FileScene:
        """Open a file as the scene that the parameters describe.

        Raises:
            UserError: See `open_scene`.
        """
        return self._source.open(path, self.parameters)

    def settings_for(self, scene: Scene) -> SceneSettings:
        """Return what is taken from a whole scene, or given for it.

        Raises:
            UserError: If the scene has other bands than the weights, or the given noise is too
                high for its value range.
        """
        source = self._source
        source.check_bands(scene, chosen=self.parameters.bands is not None)
        unmarked = unmarked_nodata(scene)
        shown: Scene = SceneWithout(scene, unmarked) if unmarked else scene
        value_range = source.range_for(self.parameters.value_range, shown)
        told = None
        if self._source.conditioned:
            published = scene.published if isinstance(scene, FileScene) else None
            told = tell(self.parameters, shown, value_range, source.build, published)
        faint = source.is_faint(shown, value_range, told)
        intervals = self._intervals_for(shown, value_range, told, faint)
        return SceneSettings(value_range, told, faint, unmarked, intervals)

    def _intervals_for(
        self, scene: Scene, value_range: ValueRange, told: Told | None, faint: bool
    ) -> SceneIntervals | None:
        if self.calibration is None:
            return None
        return intervals_for(
            scene,
            self._network_for(told, faint),
            value_range,
            calibration=self.calibration,
            recipe=self._source.recipe,
            told=told.conditions if told else None,
        )

    def write(  # noqa: PLR0913 - the last two are keywords
        self,
        scene: Scene,
        settings: SceneSettings,
        target: Target,
        intervals: Target | None,
        *,
        progress: Callable[[int, int], object] | None = None,
        area: AreaScene | None = None,
    ) -> Statistics:
        """Upscale a scene into targets; see `upscale_scene`, also for errors.

        Args:
            scene: The scene.
            settings: What `settings_for` returned for it.
            target: Receives the result.
            intervals: Receives the half-widths of the intervals, if there is a calibration.
            progress: Called with the number of finished tiles and that of all tiles.
            area: The part that the targets are for; None: all of it.
        """
        p = self.parameters
        if area is not None:
            target = AreaTarget(target, area)
            intervals = AreaTarget(intervals, area) if intervals else None
        network: Network = self._network_for(settings.told, settings.faint)
        return upscale_scene(
            settings.shown(scene),
            target,
            SelfEnsemble(network) if p.ensemble else network,
            value_range=settings.value_range,
            tile=p.tile or self.network.tile,
            batch=p.batch or self.network.batch,
            postprocessing=Postprocessing(self._consistency, settings.intervals_made_by),
            intervals=intervals,
            area=area.area if area else None,
            progress=progress,
        )
