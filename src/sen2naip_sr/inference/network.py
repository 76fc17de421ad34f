"""Trained networks as functions of arrays, as fast as the device at hand computes them."""

import copy
import logging
import math
from contextlib import ExitStack
from typing import Literal, Protocol, get_args

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import has_bfloat16, keep_freed_memory, resolve_device
from sen2naip_sr.inference.unpadded import without_padding
from sen2naip_sr.inference.winograd import has_winograd, with_winograd
from sen2naip_sr.models.blocks import centred
from sen2naip_sr.models.cost import widest_layer
from sen2naip_sr.provenance import device_name

Backend = Literal["auto", "eager", "winograd"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

GPU_BATCH, SMALLER_TILE = 8, 512
"""Tiles that a GPU is given at once, and their side: single ones leave most of it idle."""

TILE_BYTES = 7 * 2**28
SMALLEST_TILE, LARGEST_TILE, TILE_STEP = 256, 1024, 128
FLOAT_BYTES, LAYERS_ALIVE = 4, 4
"""About so many times what the widest layer reads and writes was seen in memory at the peak."""

logger = logging.getLogger(__name__)


class Network(Protocol):
    """What upscales tiles.

    Attributes:
        bands: Image bands in and out.
        halo: LR pixels to each side that an output pixel depends on.
        multiple: Tiles have to begin and end at multiples of so many LR pixels.
    """

    @property
    def bands(self) -> int: ...  # noqa: D102
    @property
    def halo(self) -> int: ...  # noqa: D102
    @property
    def multiple(self) -> int: ...  # noqa: D102
    def __call__(self, tiles: Array, trim: int = 0) -> Array: ...  # noqa: D102


class TorchNetwork:
    """A network that torch computes; made by `make_network`. To be called from one thread.

    Attributes:
        bands: Image bands in and out.
        halo: LR pixels to each side that an output pixel depends on.
        multiple: Tiles have to begin and end at multiples of so many LR pixels.
        batch: Tiles to be given at once for full speed. More do no harm, but for their memory.
        device: Where it is computed.
        backend: What computes the convolutions.
        precision: What the convolutions are computed in; the bicubic part is always in float32.
        model: The network as it was given.
    """

    def __init__(
        self, model: nn.Module, bands: int, device: torch.device, backend: str, precision: str
    ) -> None:
        receptive_field: int | None = model.receptive_field  # type: ignore[assignment]
        if receptive_field is None:
            raise UserError(
                "network-not-local",
                "a pixel of this network's result depends on the whole image, so that tiles do "
                "not give what the image gives",
                "train it without group and instance normalisation (normalisation: none or batch)",
            )
        self.bands, self.halo = bands, receptive_field
        self.multiple: int = model.multiple  # type: ignore[assignment]
        self.device, self.backend, self.precision, self.model = device, backend, precision, model
        self.batch = 1 if device.type == "cpu" else GPU_BATCH
        # the same memory format all through: blocked layouts would be converted at every layer
        winograd = backend == "winograd"
        self._format = torch.contiguous_format if winograd else torch.channels_last
        self._fast = self._ready(with_winograd(model) if winograd else copy.deepcopy(model))
        shrinking = None if winograd else without_padding(model)
        self._shrinking = self._ready(shrinking) if shrinking is not None else None

    @property
    def tile(self) -> int:
        """Side of the tiles, in LR pixels, that waste little on their halo in a GB or two.

        Halo costs the less the larger tiles are; memory grows with them and the widest layer. GPUs
        get several tiles at once, which are smaller.
        """
        if self.device.type != "cpu":
            return SMALLER_TILE
        floats = widest_layer(self.model, self.bands)
        side = math.sqrt(TILE_BYTES / (FLOAT_BYTES * LAYERS_ALIVE * floats))
        return int(min(LARGEST_TILE, max(SMALLEST_TILE, side // TILE_STEP * TILE_STEP)))

    def describe(self) -> str:
        """Return what computes where and in which precision, for logs."""
        threads = f", {torch.get_num_threads()} threads" if self.device.type == "cpu" else ""
        return f"{self.backend} in {self.precision} on {self.device} ({device_name()}{threads})"

    def __call__(self, tiles: Array, trim: int = 0) -> Array:
        """Upscale tiles twofold.

        Args:
            tiles: (B, bands, h, w), float32, values in [0, 1].
            trim: Pixels at each side of the tiles that are wanted as surroundings only. From
                ``halo`` on, what is not needed of them is not computed.

        Returns:
            (B, bands, 2 (h - 2 trim), 2 (w - 2 trim)), float32, not clipped.

        Raises:
            UserError: If the tiles have other bands, or do not fit into the device's memory.
        """
        count, bands, height, width = tiles.shape
        if bands != self.bands:
            raise UserError(
                "bands-differ",
                f"the network was built for {self.bands} bands and got {bands}",
                "give images with the bands that it was trained on, or train one for these",
            )
        try:
            return self._upscaled(torch.from_numpy(np.ascontiguousarray(tiles)), trim).numpy()
        except RuntimeError as error:
            if not _is_lack_of_memory(error):
                raise
            raise UserError(
                "tiles-out-of-memory",
                f"{count} tiles of {height} x {width} pixels do not fit into the memory of "
                f"{self.device}",
                "upscale with a smaller batch or smaller tiles",
            ) from error

    def _upscaled(self, images: Tensor, trim: int) -> Tensor:
        count, bands, height, width = images.shape
        upscaled = self._host((count, bands, 2 * (height - 2 * trim), 2 * (width - 2 * trim)))
        model = self._shrinking if self._shrinking is not None and trim >= self.halo else self._fast
        # processors compute tiles one by one: it needs less memory, and Winograd takes single ones
        step = 1 if self.device.type == "cpu" else max(count, 1)
        with torch.inference_mode(), self._precision():
            for first in range(0, count, step):
                part = slice(first, first + step)
                wanted = centred(model(self._there(images[part])), upscaled)
                upscaled[part].copy_(wanted, non_blocking=True)
            self._wait()
        return upscaled

    def _ready(self, model: nn.Module) -> nn.Module:
        # torch's stubs leave memory_format out
        return model.eval().to(device=self.device, memory_format=self._format)  # type: ignore[call-overload]

    def _there(self, images: Tensor) -> Tensor:
        if self.device.type == "cuda":
            images = images.pin_memory()
        return images.to(self.device, non_blocking=True, memory_format=self._format)

    def _host(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, pin_memory=self.device.type == "cuda")

    def _wait(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    def _precision(self) -> ExitStack:
        stack = ExitStack()
        if self.precision != "float32":
            dtype = getattr(torch, self.precision)
            # the input stays in float32, and with it the bicubic part
            stack.enter_context(torch.autocast(self.device.type, dtype))
        if self.device.type == "cuda":
            # tiles have one size; TF32 has the 10 bits of half precision
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
    """Return a fast function of a network.

    Left to ``auto``, convolutions are computed in half precision where the device has it in
    hardware: float16 on CUDA, bfloat16 on processors with AVX-512 BF16 or AMX. Other processors
    with AVX2, but without AVX-512, compute 3 x 3 convolutions by Winograd's algorithm where they
    have one thread for it (with more, NNPACK is the slower one); what is left is torch's own in
    float32. docs/upscaling.md has the measurements.

    Args:
        model: Any of `sen2naip_sr.models.registry`, trained, on the CPU; it is not changed.
        bands: Image bands, for interpolations, which have none of their own.
        device: auto (CUDA where there is one, else the CPU), or a name of torch's.
        backend: What computes convolutions: ``eager``, torch's own in channels-last;
            ``winograd``, see `sen2naip_sr.inference.winograd`.
        precision: What convolutions are computed in.
        threads: Threads of torch on the CPU, for the whole process; None: leave them.

    Raises:
        UserError: If the device, backend or precision is not there, or if the network cannot be
            tiled.
    """
    place = resolve_device(device)
    if place.type == "cpu":
        keep_freed_memory()
        if threads is not None:
            torch.set_num_threads(threads)
    chosen, bits = _resolve(place, backend, precision)
    own_bands = bands if bands is not None else getattr(model, "bands", None)
    if own_bands is None:
        raise ValueError("bands are to be given for a model that works on any")
    network = TorchNetwork(model, own_bands, place, chosen, bits)
    logger.info("Network: %s", network.describe())
    return network


def _resolve(device: torch.device, backend: str, precision: str) -> tuple[str, str]:
    if backend not in get_args(Backend) or precision not in get_args(Precision):
        raise UserError(
            "unknown-backend",
            f"backend '{backend}' in precision '{precision}' is unknown",
            f"use one of {', '.join(get_args(Backend))} in {', '.join(get_args(Precision))}",
        )
    if precision == "auto":
        precision = _best_precision(device, backend)
    suits = device.type == "cpu" and precision == "float32"
    if backend == "winograd" and not (suits and has_winograd()):
        raise UserError(
            "backend-missing",
            f"the backend winograd is not available on {device} in {precision}",
            "use the backend auto or eager; winograd needs a processor with AVX2 or NEON, float32 "
            "and a torch built with NNPACK",
        )
    if backend == "auto":
        alone = torch.get_num_threads() == 1
        narrow = torch.backends.cpu.get_cpu_capability() == "AVX2"
        quicker = suits and alone and narrow and has_winograd()
        backend = "winograd" if quicker else "eager"
    return backend, precision


def _best_precision(device: torch.device, backend: str) -> str:
    if device.type == "cuda":
        return "float16"
    half = device.type == "cpu" and backend != "winograd" and has_bfloat16()
    return "bfloat16" if half else "float32"


def _is_lack_of_memory(error: RuntimeError) -> bool:
    # the CPU's allocator has no exception of its own
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
