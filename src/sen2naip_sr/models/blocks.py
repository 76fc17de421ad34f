"""Layers that several architectures share."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.interpolation import upscale_bicubic

BATCH_NORMALISATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Layers that normalise by statistics of the batch."""


class GlobalResidualNetwork(nn.Module):
    """A network that predicts a correction of the bicubic upscaling: global residual learning.

    Kim, Lee and Lee 2016, "Accurate Image Super-Resolution Using Very Deep Convolutional
    Networks", https://arxiv.org/abs/1511.04587. Subclasses implement `correction` with a last
    layer made by `zeroed`, so that an untrained network is exactly bicubic.

    Args:
        bands: Image bands in and out.

    Attributes:
        bands: Image bands in and out.
        multiple: Tiles must begin at multiples of so many low-resolution pixels.
        receptive_field: Low-resolution pixels to each side that an output pixel depends on; None
            if it depends on the whole image.
        strength: What the correction is multiplied by; 0 gives the bicubic upscaling.
        shrinkable: Whether it also works with unpadded convolutions, whose maps shrink towards
            the middle: it adds and concatenates with `centred`.
    """

    multiple: int = 1
    strength: float = 1.0
    shrinkable: bool = False
    receptive_field: int | None

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.bands = bands

    def forward(self, image: Tensor) -> Tensor:
        """Upscale images (B, bands, h, w), float, in [0, 1], to (B, bands, 2h, 2w), not clipped.

        Raises:
            UserError: If the images have other bands than the network was built for.
        """
        require_bands(self.bands, image.shape[1])
        upscaled = upscale_bicubic(image)
        correction = self.correction(image, upscaled)
        if self.strength != 1:
            correction = self.strength * correction
        return centred(upscaled, correction) + correction

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction that is added to the bicubic upscaling.

        The image is (B, bands, h, w), in [0, 1], and its upscaling (B, bands, 2h, 2w). So is the
        correction, or it is the middle of that with unpadded convolutions.
        """
        raise NotImplementedError


def require_bands(own: int, given: int) -> None:
    """Raise a `UserError` if a network for ``own`` bands was given images of other bands."""
    if given != own:
        raise UserError(
            "bands-differ",
            f"the network was built for {own} bands and got {given}",
            "give images with the bands that it was trained on, or use another network",
        )


def centred(maps: Tensor, smaller: Tensor) -> Tensor:
    """Return the middle (a view) of maps (B, C, h, w), as high and wide as smaller ones."""
    cut = (maps.shape[-1] - smaller.shape[-1]) // 2
    return maps[..., cut:-cut, cut:-cut] if cut else maps


def zeroed(convolution: nn.Conv2d) -> nn.Conv2d:
    """Set weights and bias of a convolution to zero, and return it."""
    for values in convolution.parameters():
        nn.init.zeros_(values)
    return convolution


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a ReLU between them and a skip connection.

    Reaches 2 pixels to each side.

    Args:
        channels: Feature maps in and out.
        relu_after_sum: Whether a ReLU follows the sum. Without it, a block whose convolutions
            add nothing is the identity.
        inner: Feature maps between the convolutions. None: as many as in and out.
        layer: Makes the convolutions.
    """

    def __init__(
        self,
        channels: int,
        *,
        relu_after_sum: bool = True,
        inner: int | None = None,
        layer: type[nn.Conv2d] = nn.Conv2d,
    ) -> None:
        super().__init__()
        between = inner or channels
        self.first = layer(channels, between, 3, padding=1)
        self.second = layer(between, channels, 3, padding=1)
        self.relu_after_sum = relu_after_sum

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        total = self.second(F.relu(self.first(features), inplace=True))
        total.add_(centred(features, total))
        return F.relu(total, inplace=True) if self.relu_after_sum else total


class EfficientResidualBlock(nn.Module):
    """Two grouped 3 x 3 and one 1 x 1 convolution with a skip connection: the residual-E block.

    Ahn, Kang and Sohn 2018, https://arxiv.org/abs/1803.08664, figure 4b. The 1 x 1 convolution
    mixes the groups again. Reaches 2 pixels to each side.

    Args:
        channels: Feature maps in and out, a multiple of ``groups``.
        groups: Groups of the 3 x 3 convolutions.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        inner = F.relu(self.first(features), inplace=True)
        inner = F.relu(self.second(inner), inplace=True)
        return F.relu(self.pointwise(inner) + centred(features, inner), inplace=True)


class SubPixelUpsampler(nn.Module):
    """3 x 3 convolution, ReLU and pixel shuffle: twice the height and width.

    Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network", https://arxiv.org/abs/1609.05158; initialised by
    `icnr_`. Reaches 1 low-resolution pixel to each side.

    Args:
        channels: Feature maps in and out, a multiple of ``groups``.
        groups: Groups of the convolution.
    """

    def __init__(self, channels: int, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 4 * channels, 3, padding=1, groups=groups)
        icnr_(self.convolution, scale=2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, h, w) to (B, channels, 2h, 2w)."""
        return F.pixel_shuffle(F.relu(self.convolution(features), inplace=True), 2)


@torch.no_grad()
def icnr_(convolution: nn.Conv2d, scale: int) -> None:
    """Initialise a convolution before a pixel shuffle like one before a nearest-neighbour resize.

    Aitken et al. 2017, "Checkerboard artifact free sub-pixel convolution",
    https://arxiv.org/abs/1707.02937: the kernels (and here the biases too) of the ``scale ** 2``
    sub-pixels of an output channel start equal, so that there is no checkerboard to unlearn.

    Args:
        convolution: Its output channels are a multiple of ``scale ** 2``; changed in place.
        scale: The factor of the pixel shuffle that follows.
    """
    copies = scale**2
    for values in (convolution.weight, convolution.bias):
        if values is not None:
            values.copy_(values[::copies].repeat_interleave(copies, dim=0))
