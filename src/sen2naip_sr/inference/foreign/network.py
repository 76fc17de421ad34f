"""A foreign network as a function of tiles, computed by ONNX Runtime in float32."""

from typing import Any

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import require_bands
from sen2naip_sr.weights.foreign.finding import ForeignModel

TILE = 256
"""Side of tiles, in pixels of the scene, where nothing says another."""

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxNetwork:
    """A foreign network; see `sen2naip_sr.inference.network.Network`. Call it from one thread.

    It is made by `sen2naip_sr.inference.foreign.checks.checked_network`, which tries whether it is
    what its description says.

    Args:
        model: The network and its description.
        device: ``auto`` (CUDA where ONNX Runtime has it), ``cpu``, ``cuda`` or ``cuda:1``.
        threads: Processor cores; None: all.

    Attributes:
        bands, halo, multiple, factor: As the description says.
        batch: Tiles to give at once: 1, since they are computed one by one.
        tile: Side of the tiles, in pixels of the scene, that suits it.
        largest: The largest side of a tile with its halo; None: any.
        precision: ``float32``.

    Raises:
        UserError: If the device is not available, ONNX Runtime refuses the file, or its only size
            of images leaves no room for a tile within its margin.
    """

    batch = 1
    precision = "float32"

    def __init__(
        self, model: ForeignModel, *, device: str = "auto", threads: int | None = None
    ) -> None:
        told = model.description
        self.model = model
        self.bands, self.factor = told.count, told.factor
        self.halo, self.multiple = told.margin, told.multiple
        sides = [side for side in model.fixed if side is not None]
        self.largest = min(sides) if sides else None
        self.tile = self._tile(told.tile)
        self._session, self.device = _session(model, device, threads)
        self._dtype = np.dtype(model.input.dtype)
        self._mean = _by_band(told.mean, 0.0)
        self._std = _by_band(told.std, 1.0)

    @property
    def margin(self) -> int:
        """The halo, rounded up to the multiple: what tiles have around their core."""
        return -(-self.halo // self.multiple) * self.multiple

    def tile_within(self, most: int) -> int:
        """Return `tile`: what a foreign network takes of memory is not known beforehand."""
        return self.tile

    def describe(self) -> str:
        """Return what computes it, in words."""
        return f"onnxruntime in {self.precision} on {self.device}, {self.factor}x"

    def __call__(self, tiles: Array, trim: int = 0) -> Array:
        """Upscale tiles by the factor.

        Args:
            tiles: (B, bands, h, w), float32, values in [0, 1].
            trim: Pixels at each side of the tiles that are surroundings only: they are cut off
                the result.

        Returns:
            (B, bands, factor (h - 2 trim), factor (w - 2 trim)), float32, not clipped.

        Raises:
            UserError: If the tiles have other bands, or are larger than the network takes, or
                ONNX Runtime fails with them.
        """
        count, bands, height, width = tiles.shape
        require_bands(self.bands, bands)
        if self.largest is not None and max(height, width) > self.largest:
            raise UserError(
                "tile-invalid",
                f"{self.model.path.name} takes images of {self.largest} pixels only, and tiles "
                f"with their surroundings have {max(height, width)}",
                f"upscale with tiles of at most {self.tile} pixels",
            )
        sides = [self.factor * (side - 2 * trim) for side in (height, width)]
        upscaled = np.empty((count, bands, *sides), np.float32)
        cut = self.factor * trim
        for image, result in zip(tiles, upscaled, strict=True):
            whole = self._upscaled(image)
            result[:] = whole[:, cut : cut + sides[0], cut : cut + sides[1]]
        return upscaled

    def _upscaled(self, image: Array) -> Array:
        """Upscale (bands, h, w), in [0, 1], and check the size of the result."""
        height, width = image.shape[1:]
        low, high = self.model.description.range
        values = (image * np.float32(high - low) + np.float32(low) - self._mean) / self._std
        # what is added does not reach the core of a tile: it lies beyond its margin
        fixed = self.model.fixed
        whole = [side or own for side, own in zip(fixed, (height, width), strict=True)]
        added = [(0, 0), (0, whole[0] - height), (0, whole[1] - width)]
        values = np.pad(values, added, "edge").astype(self._dtype, copy=False)
        made = self._run(values)
        expected = (self.bands, *(self.factor * side for side in whole))
        if made.shape != (1, *expected):
            raise _other_size(self.model, made.shape, values.shape, expected)
        low, high = self.model.description.output_range or (low, high)
        made = (made[0].astype(np.float32) - np.float32(low)) / np.float32(high - low)
        return made[:, : self.factor * height, : self.factor * width]

    def _run(self, values: Array) -> Array:
        given = {self.model.input.name: values[np.newaxis]}
        try:
            (made,) = self._session.run([self.model.output.name], given)
        except Exception as error:
            # ONNX Runtime's exceptions are known only where it is installed
            raise UserError(
                "onnx-failed",
                f"{self.model.path}: fails with an image of {values.shape[1]} x {values.shape[2]} "
                f"pixels ({_reason(error)})",
                "export the network with dynamic axes for rows and columns; if it only takes "
                "multiples of some number, describe that number as 'multiple'",
            ) from error
        return np.asarray(made)

    def _tile(self, told: int | None) -> int:
        """Return the side of tiles that suits the network."""
        side = told or TILE
        if self.largest is not None:
            room = self.largest - 2 * self.margin
            if told is not None and told > room:
                raise _too_small(self, f"which leaves {room} of them, and not a tile of {told}")
            side = told or room
        side = side // self.multiple * self.multiple
        if side < self.multiple:
            raise _too_small(self, "which leaves no tile")
        return side


def _by_band(numbers: list[float] | None, default: float) -> Array:
    return np.array(numbers or [default], np.float32)[:, np.newaxis, np.newaxis]


def _session(model: ForeignModel, device: str, threads: int | None) -> tuple[Any, str]:
    """Return ONNX Runtime's session, and the device in words."""
    import onnxruntime

    kind, _, number = device.partition(":")
    known = onnxruntime.get_available_providers()
    if kind == "auto":
        kind = "cuda" if _PROVIDERS["cuda"] in known else "cpu"
    if _PROVIDERS.get(kind) not in known:
        raise UserError(
            "device-missing",
            f"ONNX Runtime does not compute on '{device}' here",
            "use the device cpu, or install the package onnxruntime-gpu",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    options.intra_op_num_threads = threads or 0
    provider = (_PROVIDERS[kind], {"device_id": number or "0"} if kind == "cuda" else {})
    try:
        session = onnxruntime.InferenceSession(
            model.path, sess_options=options, providers=[provider]
        )
    except Exception as error:
        # ONNX Runtime's exceptions are known only where it is installed
        raise UserError(
            "onnx-refused",
            f"{model.path}: ONNX Runtime cannot load it ({_reason(error)})",
            "export it again, with another opset if it needs a newer ONNX Runtime",
        ) from error
    return session, f"{kind}:{number}" if number else kind


def _too_small(network: OnnxNetwork, problem: str) -> UserError:
    return UserError(
        "onnx-size-fixed",
        f"{network.model.path}: takes images of {network.largest} pixels only, of which "
        f"{network.margin} on each side are margin, {problem}",
        "export the network with dynamic axes for rows and columns, or for larger images",
    )


def _other_size(model: ForeignModel, made: Any, given: Any, expected: Any) -> UserError:
    words = [" x ".join(map(str, shape)) for shape in (made[1:] if len(made) == 4 else made, given)]
    wanted = " x ".join(map(str, expected))
    rows = made[2] if len(made) == 4 else 0
    remedy = "export a network that gives as many bands as it takes, larger by a whole factor"
    if len(made) == 4 and rows and rows % given[1] == 0 and rows != expected[1]:
        remedy = f"describe the factor {rows // given[1]}"
    return UserError(
        "onnx-factor-differs",
        f"{model.path}: makes {words[0]} values of {words[1]}, where {wanted} are described "
        f"(factor {model.description.factor})",
        remedy,
    )


def _reason(error: Exception) -> str:
    """Return the first sentence of ONNX Runtime's message, without its codes."""
    text = " ".join(str(error).split())
    return text.rpartition(" : ")[2][:200] if " : " in text else text[:200]
