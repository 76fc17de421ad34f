"""Networks as fast functions of arrays, on the device at hand."""

import copy
import math
from contextlib import ExitStack
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.acceleration.openvino import with_openvino
from sen2naip_sr.inference.acceleration.unpadded import without_padding
from sen2naip_sr.inference.acceleration.winograd import with_winograd
from sen2naip_sr.inference.backends import FLOATING, Backend, Precision, choose_backend
from sen2naip_sr.inference.hardware import keep_freed_memory, resolve_device
from sen2naip_sr.models.blocks import centred, require_bands
from sen2naip_sr.models.cost import widest_layer
from sen2naip_sr.provenance import device_name

GPU_BATCH, SMALLER_TILE = 8, 512
"""Tiles that a GPU gets at once, and their side. Single tiles leave most of it idle."""

TILE_BYTES = 2**30
"""With reading, writing and estimation beside it, upscaling stays below 2 GB."""

SMALLEST_TILE, LARGEST_TILE, TILE_STEP = 256, 1024, 128
FLOAT_BYTES, LAYERS_ALIVE = 4, 4
"""Measured: the peak memory is about 4 times what the widest layer reads and writes."""


_QUICKER = {"winograd": with_winograd, "openvino": with_openvino}
"""Make a copy of a model with other ways to compute its layers."""


class Network(Protocol):
    """A function that upscales tiles.

    Attributes:
        bands: Image bands in and out.
        halo: LR pixels to each side that an output pixel depends on.
        multiple: Tiles must begin and end at multiples of so many LR pixels.
        factor: Rows and columns of the result per LR row and column.
    """

    @property
    def bands(self) -> int: ...  # noqa: D102
    @property
    def halo(self) -> int: ...  # noqa: D102
    @property
    def multiple(self) -> int: ...  # noqa: D102
    @property
    def factor(self) -> int: ...  # noqa: D102
    def __call__(self, tiles: Array, trim: int = 0) -> Array: ...  # noqa: D102


class TorchNetwork:
    """A network computed by torch; usually made by `make_network`. Call it from one thread.

    Args:
        model: Any of `sen2naip_sr.models.registry`, or a module like one. It is copied.
        bands: Image bands in and out.
        device: Where to compute.
        backend: ``eager``, ``winograd`` or ``openvino``; see `make_network`.
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``, of the convolutions. The
            bicubic part is always computed in float32.

    Attributes:
        multiple: Tiles must begin and end at multiples of so many LR pixels.
        batch: Tiles to give at once for full speed. More cost memory only.
        factor: Rows and columns of the result per LR row and column: 2.
        bands, device, backend, precision, model: As given.
    """

    factor = SCALE

    def __init__(
        self, model: nn.Module, bands: int, device: torch.device, backend: str, precision: str
    ) -> None:
        self.bands, self.multiple = bands, int(getattr(model, "multiple", 1))
        self._receptive_field: int | None = getattr(model, "receptive_field", None)
        self.device, self.backend, self.precision, self.model = device, backend, precision, model
        self.batch = 1 if device.type == "cpu" else GPU_BATCH
        # one memory format throughout: others would be converted at every layer
        eager = backend == "eager"
        self._format = torch.channels_last if eager else torch.contiguous_format
        self._fast = self._ready(_QUICKER.get(backend, copy.deepcopy)(model))
        shrinking = without_padding(model) if eager else None
        self._shrinking = self._ready(shrinking) if shrinking is not None else None

    @property
    def halo(self) -> int:
        """LR pixels to each side that an output pixel depends on.

        Raises:
            UserError: If it depends on the whole image: then tiles cannot give what the image
                gives. Whole images can still be upscaled.
        """
        if self._receptive_field is None:
            raise UserError(
                "network-not-local",
                "each pixel of this network's result depends on the whole image, so the network "
                "cannot be applied to tiles",
                "train it without group and instance normalisation",
            )
        return self._receptive_field

    @property
    def tile(self) -> int:
        """Side of the tiles, in LR pixels, that waste little on their halo, within 2 GB.

        Large tiles waste less. Memory grows with the tile and the widest layer. GPUs get several
        smaller tiles at once.
        """
        return self.tile_within(TILE_BYTES) if self.device.type == "cpu" else SMALLER_TILE

    def tile_within(self, most: int) -> int:
        """Return the side of tiles, in LR pixels, that take up to so many bytes in float32."""
        floats = widest_layer(self.model, self.bands)
        side = math.sqrt(most / (FLOAT_BYTES * LAYERS_ALIVE * floats))
        return int(min(LARGEST_TILE, max(SMALLEST_TILE, side // TILE_STEP * TILE_STEP)))

    def describe(self) -> str:
        """Return backend, precision and device in words."""
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{self.backend} in {self.precision} on {self.device} ({device_name()}{threads})"

    def __call__(self, tiles: Array, trim: int = 0) -> Array:
        """Upscale tiles twofold.

        Args:
            tiles: (B, bands, h, w), float32, values in [0, 1].
            trim: Pixels at each side of the tiles that are surroundings only: they are cut off
                the result. From ``halo`` on, their unneeded part is not computed.

        Returns:
            (B, bands, 2 (h - 2 trim), 2 (w - 2 trim)), float32, not clipped.

        Raises:
            UserError: If the tiles have other bands, or do not fit into the device's memory.
        """
        count, bands, height, width = tiles.shape
        require_bands(self.bands, bands)
        try:
            return self._upscaled(torch.from_numpy(np.ascontiguousarray(tiles)), trim).numpy()
        except RuntimeError as error:
            # the CPU's allocator has no exception class of its own
            full = isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
            if not full:
                raise
            raise UserError(
                "tiles-out-of-memory",
                f"{count} tiles of {height} x {width} pixels do not fit into the memory of "
                f"{self.device}",
                "upscale with a smaller batch or smaller tiles",
            ) from error

    def _upscaled(self, images: Tensor, trim: int) -> Tensor:
        count, bands, height, width = images.shape
        shape = (count, bands, 2 * (height - 2 * trim), 2 * (width - 2 * trim))
        upscaled = torch.empty(shape, pin_memory=self.device.type == "cuda")
        model = self._fast
        if self._shrinking is not None and trim >= self.halo:
            model = self._shrinking
        # CPUs compute tiles one by one: it takes less memory, and Winograd takes single images
        step = 1 if self.device.type == "cpu" else max(count, 1)
        with torch.inference_mode(), self._precision():
            for first in range(0, count, step):
                part = slice(first, first + step)
                wanted = centred(model(self._there(images[part])), upscaled)
                upscaled[part].copy_(wanted, non_blocking=True)
            if self.device.type != "cpu":
                torch.accelerator.synchronize(self.device)
        return upscaled

    def _ready(self, model: nn.Module) -> nn.Module:
        # torch's stubs leave memory_format out
        return model.eval().to(device=self.device, memory_format=self._format)  # type: ignore[call-overload]

    def _there(self, images: Tensor) -> Tensor:
        if self.device.type == "cuda":
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True, memory_format=self._format)

    def _precision(self) -> ExitStack:
        stack = ExitStack()
        if self.precision in FLOATING:
            dtype = getattr(torch, self.precision)
            # the input stays in float32, and with it the bicubic part
            stack.enter_context(torch.autocast(self.device.type, dtype))
        if self.device.type == "cuda":
            # tiles have one size, so benchmarking pays off; TF32 has only 10 bits
            stack.enter_context(
                torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
            )
        return stack


def make_network(  # noqa: PLR0913 - all but the first are keywords
    model: nn.Module,
    *,
    bands: int | None = None,
    device: str = "auto",
    backend: Backend = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
) -> TorchNetwork:
    """Return a network as a fast function of arrays.

    What ``auto`` means is described at `sen2naip_sr.inference.backends.choose_backend`.

    Args:
        model: Any of `sen2naip_sr.models.registry`, trained, on the CPU; it is not changed.
        bands: Image bands. Only interpolations need it, which have no bands of their own.
        device: See `hardware.resolve_device`.
        backend: What computes convolutions: ``eager`` (torch, channels last), ``winograd`` or
            ``openvino`` (see `sen2naip_sr.inference.acceleration`).
        precision: Of the convolutions.
        threads: Threads of torch on the CPU, for the whole process; None: leave them as they are.

    Raises:
        UserError: If the device, backend or precision is not available.
    """
    place = resolve_device(device)
    if place.type == "cpu":
        keep_freed_memory()
        if threads is not None:
            torch.set_num_threads(threads)
    chosen, bits = choose_backend(model, place, backend, precision)
    own_bands = bands if bands is not None else getattr(model, "bands", None)
    if own_bands is None:
        raise ValueError("give the number of bands of a model that works on any")
    return TorchNetwork(model, own_bands, place, chosen, bits)
