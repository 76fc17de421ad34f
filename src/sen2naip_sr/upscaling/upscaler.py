"""A network made ready to upscale any number of scenes: files, arrays or any other kind."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.network import Network, TorchNetwork, make_network
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.tiled import Statistics, upscale_scene
from sen2naip_sr.inference.uncertainty import Calibration
from sen2naip_sr.inference.values import ValueRange, choose_range, parse_range
from sen2naip_sr.raster.protocol import Scene, Target
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.calibration import load_calibration
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped


class Upscaler:
    """A network with its weights and options.

    Args:
        parameters: Weights, options and device.
        weights: The weights; None: those that the parameters name.

    Attributes:
        label: The weights: architecture, step and hash.
        network: The network, without a self-ensemble.

    Raises:
        UserError: If there are no such weights, the device or backend is not available, the
            network cannot be applied to tiles, or there is no calibration for the intervals.
    """

    def __init__(self, parameters: UpscalerParameters, weights: Weights | None = None) -> None:
        p = parameters
        self._weights = weights or find_weights(p.model, p.weights)
        self.label = self._weights.label
        self.network: TorchNetwork = make_network(
            self._weights.build(),
            bands=self._weights.metadata.bands,
            device=p.device,
            backend=p.backend,  # type: ignore[arg-type] # checked there
            precision=p.precision,  # type: ignore[arg-type] # checked there
            threads=p.threads,
        )
        self._set(parameters)

    def _set(self, parameters: UpscalerParameters) -> None:
        p = self.parameters = parameters
        recipe = get_recipe(self._weights.metadata.recipe.partition("@")[0])
        self._postprocessing = Postprocessing(
            Consistency(recipe) if p.consistency else None,
            load_calibration(self._weights) if p.uncertainty else None,
        )
        self._applied: Network = SelfEnsemble(self.network) if p.ensemble else self.network
        _ = self.network.halo  # raises for a network that cannot be applied to tiles

    def with_options(self, parameters: UpscalerParameters) -> "Upscaler":
        """Return an upscaler with the same network and other options.

        What chooses weights, device, backend, precision and threads has no effect.

        Raises:
            UserError: If there is no calibration for the intervals.
        """
        other = copy.copy(self)
        other._set(parameters)
        return other

    @property
    def calibration(self) -> Calibration | None:
        """What makes the intervals; None if they are not wanted."""
        return self._postprocessing.calibration

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that the values of a result depend on, apart from the scene."""
        p, calibration = self.parameters, self.calibration
        return {
            "weights": self.label,
            "version": __version__,
            "bands": p.bands,
            "range": p.value_range,
            "consistency": p.consistency,
            "ensemble": p.ensemble,
            "precision": self.network.precision,
            "intervals": calibration.model_dump(mode="json") if calibration else None,
        }

    def describe(self, value_range: ValueRange) -> dict[str, str]:
        """Return in words what made a result, whose ``value_range`` became 0 and 1."""
        known = self._weights.metadata
        return {
            "version": __version__,
            "model": known.architecture,
            "weights": self.label,
            "recipe": known.recipe,
            "range": "{:g}:{:g}".format(*value_range),
            "consistency": "on" if self.parameters.consistency else "off",
            "ensemble": "on" if self.parameters.ensemble else "off",
        }

    def range_of(self, scene: Scene) -> ValueRange:
        """Return the digital numbers of a scene that become 0 and 1.

        Raises:
            UserError: If the scene has other bands than the weights.
        """
        expected = self._weights.metadata.bands
        if scene.count != expected:
            order = " (red, green, blue, near-infrared)" if expected == 4 else ""
            raise UserError(
                "bands-differ",
                f"{scene.name}: {scene.count} bands, and the weights {self.label} expect "
                f"{expected}{order}",
                f"choose {expected} of the scene's bands, or give weights trained for these",
            )
        return choose_range(parse_range(self.parameters.value_range), scene)

    def write(
        self,
        scene: Scene,
        value_range: ValueRange,
        target: Target,
        intervals: Target | None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Statistics:
        """Upscale a scene into targets; see `upscale_scene`, also for errors.

        Args:
            scene: The scene.
            value_range: What `range_of` returned for it.
            target: Receives the result.
            intervals: Receives the half-widths of the intervals, if there is a calibration.
            progress: Called with the number of finished tiles and that of all tiles.
        """
        p = self.parameters
        return upscale_scene(
            scene,
            target,
            self._applied,
            value_range=value_range,
            tile=p.tile or self.network.tile,
            batch=p.batch or self.network.batch,
            postprocessing=self._postprocessing,
            intervals=intervals,
            progress=progress,
        )


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
