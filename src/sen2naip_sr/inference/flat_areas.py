"""Less correction where a scene is flat, so that its grain is not sharpened.

Where the ground shows no structure, what is left at the finest scale is grain: noise, compression
and resampling, which networks take for detail. Neither conditions nor a sharpness of the whole
scene tell flat and textured areas apart. So the correction of the bicubic upscaling is scaled down
where the local structure of a band is weak: weak by itself, and weak for this scene.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sen2naip_sr.models.blocks import GlobalResidualNetwork, centred
from sen2naip_sr.models.interpolation import Interpolation

SIDE = 9
"""Side of the windows, in pixels of the scene: of the mean that structure deviates from, and of the
mean square of the deviations."""

REACH = 2 * (SIDE // 2) + 1
"""Pixels of the scene to each side that the weight of a result's pixel depends on."""

TEXTURED = 10.0
"""Structure, in 255ths of the value range, from which on an area is textured in any scene. Clean
images made of Californian cities lie above nearly everywhere."""

COMMON = 0.5
"""An area with more structure than this share of its scene is textured, too: scenes with values in
a small part of their range have little structure everywhere."""

RAMP = 1.6
"""Textured areas have so many times the structure of flat ones; between them is a smooth ramp.
Chosen, like `COMMON` and `MOST`, on native chips of Italy, Denmark and Ohio, on clean images made
of them, and on pairs of Landsat bands, whose gains bound what may be taken."""

MOST = 0.75
"""The largest share of the correction that is taken from flat areas. All of it would leave them
softer than Lanczos does."""

QUIET, NOISY = 0.25, 1.0
"""Mean noise of the bands, in 255ths of the value range, up to which all of it is taken, and from
which on nothing: a network that is told of noise takes it away itself."""

_LEVELS = 255.0
_TINY = 1e-6


@dataclass(frozen=True)
class Calming:
    """How the flat areas of a scene are calmed.

    Attributes:
        share: What is taken from the correction where it is flat, above 0 and up to `MOST`.
        textured: The structure of each band from which on nothing is taken, in 255ths of the value
            range.
    """

    share: float
    textured: tuple[float, ...]


def choose_calming(windows: Tensor, noise: Sequence[float]) -> Calming | None:
    """Return how the flat areas of a scene are calmed; None: not at all, since it is noisy.

    Args:
        windows: (n, C, side, side), float32, in [0, 1]: parts of the scene.
        noise: Of each band, as a share of the value range.
    """
    level = _LEVELS * sum(noise) / len(noise)
    share = MOST * min(1.0, (NOISY - level) / (NOISY - QUIET))
    if share <= 0:
        return None
    return Calming(share, tuple(typical_structure(windows).clamp(max=TEXTURED).tolist()))


def typical_structure(windows: Tensor) -> Tensor:
    """Return the structure of each band that the share `COMMON` of a scene does not reach, (C,).

    Args:
        windows: (n, C, side, side), float32, in [0, 1]: parts of the scene.
    """
    structure = _log_structure(windows).exp().transpose(0, 1).flatten(1)
    return structure.quantile(COMMON, dim=1)


class CalmedNetwork(GlobalResidualNetwork):
    """A network with a weaker correction in flat areas.

    Args:
        network: A local network; its strength holds, too.
        calming: How they are calmed.

    Attributes:
        receptive_field: That of the network, at least `REACH`.
    """

    def __init__(self, network: GlobalResidualNetwork, calming: Calming) -> None:
        super().__init__(network.bands)
        self.network, self.calming = network, calming
        self.multiple, self.strength = network.multiple, network.strength
        self.shrinkable = network.shrinkable
        own = network.receptive_field
        self.receptive_field = None if own is None else max(own, REACH)

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the network's correction, less of it where the image is flat."""
        correction = self.network.correction(image, upscaled)
        kept = 1 - self.calming.share * flatness(image, self.calming.textured)
        return correction * centred(kept, correction)


def calmed(network: nn.Module, calming: Calming | None) -> nn.Module:
    """Return a network that calms flat areas; the network itself if it is not to.

    Args:
        network: A local network.
        calming: How.

    Raises:
        TypeError: If the network does not correct the bicubic upscaling.
    """
    if calming is None:
        return network
    if not isinstance(network, GlobalResidualNetwork):
        raise TypeError(f"a {type(network).__name__} does not correct the bicubic upscaling")
    return CalmedNetwork(network, calming)


def flatness(image: Tensor, textured: Sequence[float]) -> Tensor:
    """Return how flat the surroundings of each pixel of the result are.

    Args:
        image: (B, bands, h, w), float32, in [0, 1].
        textured: As of `Calming`.

    Returns:
        (B, bands, 2h, 2w), from 0 for textured to 1 for flat.
    """
    ends = torch.tensor([math.log(max(structure, _TINY)) for structure in textured])
    ends = ends.to(image.device, torch.float32)[:, None, None]
    ramp = ((ends - _log_structure(image)) / math.log(RAMP)).clamp(0, 1)
    return Interpolation("bilinear")(ramp.square() * (3 - 2 * ramp))


def _log_structure(image: Tensor) -> Tensor:
    """Return the logarithm of the local deviation from the local mean: (B, bands, h, w)."""
    margin = SIDE // 2
    padded = nn.functional.pad(image, 4 * (2 * margin,), mode="replicate")
    middle = padded[..., margin:-margin, margin:-margin]
    deviations = middle - _window_sums(padded) / SIDE**2
    mean_square = _window_sums(deviations.square()) / SIDE**2
    return torch.log(_LEVELS**2 * mean_square + _TINY) / 2


def _window_sums(maps: Tensor) -> Tensor:
    """Return the sums over windows inside of (B, C, h, w).

    Sums of two, four and eight pixels are added in the same order everywhere, so that tiles give
    the bits of the whole.
    """
    for axis in (-2, -1):
        sums, length = maps, 1
        while 2 * length < SIDE:
            sums = _added(sums, sums, length, axis)
            length *= 2
        maps = _added(sums, maps, length, axis)
    return maps


def _added(maps: Tensor, others: Tensor, distance: int, axis: int) -> Tensor:
    """Return maps plus the others that lie so many pixels behind, where there are any."""
    size = others.shape[axis] - distance
    return maps.narrow(axis, 0, size) + others.narrow(axis, distance, size)
