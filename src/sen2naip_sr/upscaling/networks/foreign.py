"""A network of another project, as an upscaler uses it."""

from pathlib import Path
from typing import Any, NoReturn

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.estimation.choice import Build
from sen2naip_sr.inference.foreign.checks import checked_network
from sen2naip_sr.inference.foreign.network import OnnxNetwork
from sen2naip_sr.inference.values import ValueRange, choose_range, parse_range
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.upscaling.bands import open_named
from sen2naip_sr.upscaling.conditions import Told
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.weights.calibration import Calibration
from sen2naip_sr.weights.foreign.finding import ForeignModel


class Foreign:
    """A network of another project on the hardware that the parameters name.

    Attributes as those of `sen2naip_sr.upscaling.networks.trained.Trained`; nothing is known of
    the images that it was trained on, so it has no recipe, conditions and calibration.

    Args:
        model: The network and its description.
        hardware: Device and threads.

    Raises:
        UserError: If it is not what its description says, or the hardware is not available.
    """

    conditioned = False

    def __init__(self, model: ForeignModel, hardware: UpscalerParameters) -> None:
        if hardware.backend != "auto" or hardware.precision not in ("auto", "float32"):
            raise UserError(
                "backend-missing",
                f"{model.path.name} is computed by ONNX Runtime in float32, not by "
                f"{hardware.backend} in {hardware.precision}",
                "leave backend and precision at auto",
            )
        self._model, self.name, self.label = model, model.path.stem, model.label
        self.bands, self.factor = model.description.count, model.description.factor
        self.plain = checked_network(model, device=hardware.device, threads=hardware.threads)

    @property
    def recipe(self) -> Recipe:
        """There is none.

        Raises:
            UserError: Always.
        """
        self._refuse(["consistency"], "the recipe of its training images is not known")

    @property
    def build(self) -> Build:
        """It cannot be built anew.

        Raises:
            UserError: Always.
        """
        self._refuse(["conditions"], "it is not a network of this project")

    def require(self, parameters: UpscalerParameters) -> None:
        """Check that nothing is asked for that the network cannot do.

        Raises:
            UserError: If something is; it names it.
        """
        p = parameters
        told = {"noise": ("auto", 0), "blur": ("auto",), "compression": ("auto", "none")}
        told |= {"sharpness": ("auto", 1)}
        if surplus := [name for name, values in told.items() if getattr(p, name) not in values]:
            self._refuse(surplus, "it can be told nothing of a scene")
        if p.consistency:
            self._refuse(["consistency"], "the recipe of its training images is not known")
        if p.uncertainty:
            self._refuse(["uncertainty"], "it has no calibration of its intervals")
        if p.tile is not None and self.plain.largest is not None and p.tile > self.plain.tile:
            raise UserError(
                "tile-invalid",
                f"{self._model.path.name} takes images of {self.plain.largest} pixels only, and "
                f"tiles of {p.tile} with a margin of {self.plain.margin} are larger",
                f"upscale with tiles of at most {self.plain.tile} pixels",
            )

    def _refuse(self, options: list[str], reason: str) -> NoReturn:
        raise UserError(
            "onnx-option-refused",
            f"{', '.join(options)}: does not apply to {self._model.path.name}: {reason}",
            "leave it out, or use weights of this project",
        )

    def network_for(self, told: Told | None, sharpness: float, *, faint: bool) -> OnnxNetwork:
        """Return the network; it is the same for all scenes."""
        return self.plain

    def is_faint(self, scene: Scene, value_range: ValueRange, told: Told | None) -> bool:
        """Return that float32 is enough for every scene."""
        return False

    def open(self, path: Path | str, parameters: UpscalerParameters) -> FileScene:
        """Open a file as the scene that the parameters describe.

        Raises:
            UserError: See `open_named`.
        """
        named = self._model.description.bands
        return open_named(path, parameters, self.bands, None if isinstance(named, int) else named)

    def check_bands(self, scene: Scene, *, chosen: bool) -> None:
        """Check the number of a scene's bands.

        Raises:
            UserError: If there are more or fewer than the network takes.
        """
        named = self._model.description.bands
        if scene.count != self.bands:
            words = f"{self.bands}" if isinstance(named, int) else f"{', '.join(named)}"
            raise UserError(
                "bands-differ",
                f"{scene.name}: {scene.count} bands, and {self._model.path.name} takes {words}",
                f"choose {self.bands} of the scene's bands, in the network's order",
            )

    def range_for(self, choice: str, scene: Scene) -> ValueRange:
        """Return the digital numbers of a scene that become 0 and 1."""
        told = self._model.description
        if parse_range(choice) != "auto" or told.values == "scaled":
            return choose_range(parse_range(choice), scene)
        if told.values == "reflectance" and isinstance(scene, FileScene):
            pairs = {(band.scale, band.offset) for band in scene.bands}
            if len(pairs) == 1 and (stated := pairs.pop()) != (1, 0) and stated[0] > 0:
                scale, offset = stated
                return (0 - offset) / scale, (1 - offset) / scale
        return told.range

    def calibration(self) -> Calibration:
        """There is none.

        Raises:
            UserError: Always.
        """
        self._refuse(["uncertainty"], "it has no calibration of its intervals")

    def described(self) -> dict[str, Any]:
        """Return in words what made a result, by name."""
        told = self._model.description
        low, high = told.range
        return {"factor": f"{told.factor}", "input": f"{told.values}, {low:g} to {high:g}"}
