"""Lean: the project's own efficient network, residual blocks at low resolution and nothing else.

Built like the baseline of Lim et al. 2017, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", https://arxiv.org/abs/1707.02921 (EDSR). What differs:

- the last 3 x 3 convolution makes the four sub-pixels of each band at once (Shi et al. 2016,
  https://arxiv.org/abs/1609.05158): no layer works at high resolution, where a convolution costs
  four times as much, and which takes CARN and EDSR a third and more of their time;
- the output is the bicubic upscaling plus a correction whose last convolution starts at zero, so an
  untrained network is exactly bicubic, and there is no checkerboard to unlearn;
- no mean shift: the input is centred on 0.5, whatever the bands.

Among the networks tried under equal budget (docs/models.md) it gained the most for its time: dense
3 x 3 convolutions run near a CPU's peak, while the splits, concatenations, 1 x 1 fusions and
attentions of others wait for memory.
"""

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import GlobalResidualNetwork, ResidualBlock, centred, zeroed
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class LeanParameters(Parameters):
    """Size of `Lean`."""

    channels: int = Field(default=48, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=10, ge=1)
    """Residual blocks."""


class Lean(GlobalResidualNetwork):
    """Lean residual network for 2x super-resolution; `LeanParameters` describes the arguments."""

    shrinkable = True

    def __init__(self, bands: int, channels: int, blocks: int) -> None:
        super().__init__(bands)
        # entry, two convolutions a block, the one after them, exit
        self.receptive_field = 1 + 2 * blocks + 1 + 1
        self.entry = nn.Conv2d(bands, channels, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualBlock(channels, relu_after_sum=False) for _ in range(blocks)),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.exit = zeroed(nn.Conv2d(channels, 4 * bands, 3, padding=1))

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling, from the low-resolution image."""
        entered = self.entry(image - 0.5)
        inner = self.body(entered)
        return F.pixel_shuffle(self.exit(centred(entered, inner) + inner), 2)


SPEC = ModelSpec("Lean", Lean, LeanParameters)
