"""Networks of other projects as methods, run by ncnn where that package is installed.

They are networks for photographs that upscale three bands twofold, in ncnn's format: a ``.param``
file and a ``.bin`` file of the same name. One is SPAN (Wan et al. 2024, arXiv 2311.12770), the
first of the efficiency track of NTIRE 2024.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

SURROUNDINGS = 16
"""Reflected LR pixels on each side."""
MULTIPLE = 8
"""Sides are padded to multiples of so many LR pixels."""
COLOURS = 3
REACH = 32
"""LR pixels to each side that a result is taken to depend on. SPAN's results change by more than
1e-6 within 25."""


def peers(files: "Mapping[str, str]") -> list[Method]:
    """Return other projects' networks, by the name that tables show and the ``.param`` file.

    Raises:
        UserError: If ncnn is not installed, or a file is missing or damaged.
    """
    return [Method(name, name, Peer(Path(file)), trained=True) for name, file in files.items()]


class Peer(nn.Module):
    """A network for photographs, applied to images of any number of bands, on the CPU.

    It is not exact in tiles: each is divided by its own largest value.

    The first three bands are its colours. Each further band, or each band of images with fewer
    than three, is given as a grey picture, of which the second colour is taken. An image is
    divided by its largest value first: these networks break above 1, and do worse on dark images.

    Args:
        file: The ``.param`` file.

    Raises:
        UserError: If ncnn is not installed, or a file is missing or damaged.
    """

    receptive_field = REACH

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._net = _load(file)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # ncnn's networks cannot be copied; they do not change either
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Upscale (B, C, h, w), values in [0, 1], to (B, C, 2h, 2w), float32."""
        upscaled = np.stack([self._image(image) for image in images.float().cpu().numpy()])
        return torch.from_numpy(upscaled).to(images.device)

    def _image(self, image: Array) -> Array:
        top = float(image.max())
        top = top if top > 0 else 1.0
        values = (image / top).clip(0, 1)
        colours = COLOURS if len(values) >= COLOURS else 0
        parts = [self._picture(values[:COLOURS])] if colours else []
        parts += [
            self._picture(values[[band] * COLOURS])[1:2] for band in range(colours, len(values))
        ]
        return (np.concatenate(parts) * top).astype(np.float32)

    def _picture(self, picture: Array) -> Array:
        import ncnn

        height, width = picture.shape[1:]
        sides = [(SURROUNDINGS, SURROUNDINGS + -length % MULTIPLE) for length in (height, width)]
        padded = np.pad(picture, ((0, 0), *sides), "reflect").astype(np.float32)
        with self._net.create_extractor() as run:
            run.input(self._net.input_names()[0], ncnn.Mat(np.ascontiguousarray(padded)).clone())
            _, result = run.extract(self._net.output_names()[0])
        first = 2 * SURROUNDINGS
        return np.array(result)[:, first : first + 2 * height, first : first + 2 * width]


def _load(file: Path) -> Any:
    try:
        import ncnn
    except ImportError as error:
        raise UserError(
            "peer-package-missing",
            f"{file.name}: networks of other projects need the package ncnn",
            "install it, or leave these networks out",
        ) from error
    for part in (file, file.with_suffix(".bin")):
        if not part.is_file():
            raise UserError(
                "peer-file-missing",
                f"{part}: there is no such file",
                "give the .param file of a network in ncnn's format, with its .bin file beside it",
            )
    net = ncnn.Net()
    options = net.opt
    options.use_fp16_arithmetic = options.use_fp16_storage = options.use_fp16_packed = False
    if net.load_param(str(file)) or net.load_model(str(file.with_suffix(".bin"))):
        raise UserError(
            "peer-file-damaged",
            f"{file}: ncnn cannot read this network",
            "copy or download it again, with its .bin file",
        )
    return net
