"""What the project knows about a model before it is built."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from sen2naip_sr.parameters import Parameters


@dataclass(frozen=True)
class ModelSpec:
    """How one model is built.

    Every model maps (B, C, h, w) in [0, 1] to (B, C, 2h, 2w) for any h and w. Its attribute
    ``receptive_field`` is the number of low-resolution pixels to each side that an output pixel
    depends on, or None if it depends on the whole image. Its attribute ``multiple`` is the
    alignment of tiles. Tiles that start at multiples of ``multiple`` and overlap by at least
    ``receptive_field``, rounded up to such a multiple, together equal the prediction of the whole
    image.

    Attributes:
        title: Its name in tables and figures.
        build: Called with the number of bands and all of the architecture's parameters by name.
        parameters: The architecture's parameters and the only place of their defaults.
        trainable: Whether it has weights.
    """

    title: str
    build: Callable[..., nn.Module]
    parameters: type[Parameters]
    trainable: bool = True
