"""Weights of this project, as an upscaler uses them."""

from pathlib import Path
from typing import Any

from sen2naip_sr.degradation import SCALE, Recipe, get_recipe
from sen2naip_sr.inference.estimation.choice import Build
from sen2naip_sr.inference.estimation.windows import sample_windows
from sen2naip_sr.inference.faintness import is_faint
from sen2naip_sr.inference.flat_areas import Calming, calmed
from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.inference.values import ValueRange, choose_range, parse_range
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.upscaling.bands import require_bands, warn_of_order
from sen2naip_sr.upscaling.conditions import Told, require_recipe
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.weights.calibration import Calibration, load_calibration
from sen2naip_sr.weights.files import Weights


class Trained:
    """Weights of this project on the hardware that the parameters name.

    Args:
        weights: The weights.
        hardware: Device, backend, precision and threads.

    Attributes:
        name: Under which they are shipped; else that of the architecture.
        label: Architecture, step and hash.
        bands: Image bands.
        factor: Rows and columns of the result per row and column of the scene.
        conditioned: Whether the network can be told what a scene is like.
        recipe: That made the images that they were trained on.
        plain: The network for clean images.

    Raises:
        UserError: If the device or backend is not available.
    """

    factor = SCALE

    def __init__(self, weights: Weights, hardware: UpscalerParameters) -> None:
        self._weights, self._hardware = weights, hardware
        self.name, self.label = weights.name, weights.label
        self.bands, self.conditioned = weights.metadata.bands, weights.conditioned
        self.plain = self.network_for(None, 1.0, faint=False)

    @property
    def recipe(self) -> Recipe:  # noqa: D102
        return get_recipe(self._weights.metadata.recipe.partition("@")[0])

    def require(self, parameters: UpscalerParameters) -> None:
        """Check that the network can do what the parameters ask for.

        Raises:
            UserError: If it cannot.
        """
        if not self.conditioned:
            require_recipe(parameters, self.label)
        _ = self.recipe  # raises for one that is unknown
        _ = self.plain.halo  # raises for a network that cannot be applied to tiles

    def network_for(self, told: Told | None, sharpness: float, *, faint: bool) -> TorchNetwork:
        """Return the network for a scene, without a self-ensemble.

        Args:
            told: What it is told of the scene; None: that it is clean.
            sharpness: The share of its correction that is added, if nothing is told.
            faint: Whether it is computed in float32 in any case.
        """
        if told is None:
            if sharpness == 1 and not faint and hasattr(self, "plain"):
                return self.plain
            return self._made(None, sharpness, None, faint)
        return self._made(told.conditions, told.sharpness, told.calming, faint)

    def _made(
        self,
        conditions: Conditions | None,
        strength: float,
        calming: Calming | None,
        faint: bool,
    ) -> TorchNetwork:
        p = self._hardware
        model = self._weights.build(conditions)
        model.strength = strength  # type: ignore[assignment] # torch takes it for a layer
        return make_network(
            calmed(model, calming),
            bands=self.bands,
            device=p.device,
            backend=p.backend,  # type: ignore[arg-type] # checked there
            precision="float32" if faint else p.precision,  # type: ignore[arg-type] # checked there
            threads=p.threads,
        )

    @property
    def build(self) -> Build:
        """Makes the network that is told some conditions."""
        return self._weights.build

    def is_faint(self, scene: Scene, value_range: ValueRange, told: Told | None) -> bool:
        """Return whether a scene needs float32 where a precision of few bits would be used."""
        p = self._hardware
        chosen = p.precision == "auto" and p.backend in ("auto", "eager")
        if not chosen or self.plain.precision == "float32" or self.plain.device.type != "cpu":
            return False
        windows = told.windows if told else None
        if windows is None:
            windows = sample_windows(scene, value_range).normalised()
        return is_faint(windows, scene.dtype, value_range)

    def open(self, path: Path | str, parameters: UpscalerParameters) -> FileScene:
        """Open a file as the scene that the parameters describe.

        Raises:
            UserError: See `open_scene`.
        """
        p = parameters
        return open_scene(path, p.bands, self.bands, p.nodata, p.drivers, variant=p.variant)

    def check_bands(self, scene: Scene, *, chosen: bool) -> None:
        """Check the number of a scene's bands, and warn of their order unless it was chosen.

        Raises:
            UserError: If there are more or fewer than the network takes.
        """
        require_bands(scene, self.label, self.bands)
        if not chosen:
            warn_of_order(scene, self.bands)

    def range_for(self, choice: str, scene: Scene) -> ValueRange:
        """Return the digital numbers of a scene that become 0 and 1."""
        return choose_range(parse_range(choice), scene)

    def calibration(self) -> Calibration:
        """Return the calibration of their intervals.

        Raises:
            UserError: If there is none.
        """
        return load_calibration(self._weights)

    def described(self) -> dict[str, Any]:
        """Return in words what made a result, by name."""
        return {"recipe": self._weights.metadata.recipe}
