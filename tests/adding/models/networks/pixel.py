"""A network: one convolution of the low-resolution image, and a pixel shuffle."""

from pydantic import Field
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import GlobalResidualNetwork, zeroed
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class PixelParameters(Parameters):
    """Size of `Pixel`."""

    reach: int = Field(default=1, ge=0)
    """Pixels to each side that the convolution covers."""


class Pixel(GlobalResidualNetwork):
    """A convolution that corrects the bicubic upscaling.

    Args:
        bands: Image bands in and out.
        reach: Pixels to each side that the convolution covers.
    """

    def __init__(self, bands, reach):
        super().__init__(bands)
        self.receptive_field = max(2, reach)
        self.exit = zeroed(nn.Conv2d(bands, 4 * bands, 2 * reach + 1, padding=reach))

    def correction(self, image, upscaled):
        """Return the correction of the bicubic upscaling."""
        return F.pixel_shuffle(self.exit(image - 0.5), 2)


SPEC = ModelSpec("pixel", Pixel, PixelParameters)
