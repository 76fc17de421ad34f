"""Lean: the project's own efficient network, residual blocks at low resolution and nothing else.

Built like the baseline of Lim et al. 2017, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", https://arxiv.org/abs/1707.02921 (EDSR). What differs:

- the last 3 x 3 convolution makes the four sub-pixels of each band at once (Shi et al. 2016,
  https://arxiv.org/abs/1609.05158): no layer works at high resolution, where a convolution costs
  four times as much, and which takes CARN and EDSR a third and more of their time;
- the output is the bicubic upscaling plus a correction whose last convolution starts at zero, so an
  untrained network is exactly bicubic, and there is no checkerboard to unlearn;
- no mean shift: the input is centred on 0.5, whatever the bands;
- it may be told what the image is like: see `sen2naip_sr.models.conditions`.

Among the networks tried under equal budget (docs/models.md) it gained the most for its time: dense
3 x 3 convolutions run near a CPU's peak, while the splits, concatenations, 1 x 1 fusions and
attentions of others wait for memory.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import GlobalResidualNetwork, ResidualBlock, centred, zeroed
from sen2naip_sr.models.conditions import Conditions, encoded_size
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class LeanParameters(Parameters):
    """Size of `Lean`."""

    channels: int = Field(default=48, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=10, ge=1)
    """Residual blocks."""
    conditions: bool = False
    """Whether it can be told the noise, blur and compression of an image."""


CONDITION_FEATURES = 32
"""Width of the layer between the conditions and the scales and shifts."""


class Lean(GlobalResidualNetwork):
    """Lean residual network for 2x super-resolution.

    Args:
        bands: Image bands in and out.
        channels: Feature maps of every layer.
        blocks: Residual blocks.
        conditions: Whether every layer but the last is scaled and shifted by what is known about
            the image.
    """

    shrinkable = True

    def __init__(self, bands: int, channels: int, blocks: int, conditions: bool) -> None:
        super().__init__(bands)
        # entry, two convolutions a block, the one after them, exit
        self.receptive_field = 1 + 2 * blocks + 1 + 1
        self.size = {"channels": channels, "blocks": blocks}
        self.entry = nn.Conv2d(bands, channels, 3, padding=1)
        self.body = nn.Sequential(
            *(ResidualBlock(channels, relu_after_sum=False) for _ in range(blocks)),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.exit = zeroed(nn.Conv2d(channels, 4 * bands, 3, padding=1))
        self.modulation = (
            Modulation(encoded_size(bands), len(self._modulated()), channels)
            if conditions
            else None
        )

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling, from the low-resolution image.

        A network with conditions is told those of a clean image made by the recipe.
        """
        if self.modulation is not None:
            return self.under(Conditions.of_recipe(self.bands)).correction(image, upscaled)
        entered = self.entry(image - 0.5)
        inner = self.body(entered)
        return F.pixel_shuffle(self.exit(centred(entered, inner) + inner), 2)

    @torch.no_grad()
    def under(self, conditions: Conditions) -> "Lean":
        """Return a plain Lean that computes what this network computes when told the conditions.

        A network without conditions returns itself.
        """
        if self.modulation is None:
            return self
        plain = Lean(self.bands, **self.size, conditions=False).to(self.exit.weight)
        own = {k: v for k, v in self.state_dict().items() if not k.startswith("modulation.")}
        plain.load_state_dict(own)
        scales, shifts = self.modulation(conditions.encode(self.bands).to(self.exit.weight))
        for layer, scale, shift in zip(plain._modulated(), scales, shifts, strict=True):
            assert layer.bias is not None
            layer.weight.mul_(scale[:, None, None, None])
            layer.bias.mul_(scale).add_(shift)
        return plain.train(self.training)

    def _modulated(self) -> list[nn.Conv2d]:
        layers = [layer for layer in self.body.modules() if isinstance(layer, nn.Conv2d)]
        return [self.entry, *layers]


class Modulation(nn.Module):
    """Scales and shifts of the feature maps of every layer, from encoded conditions.

    Untrained, it scales by one and shifts by zero.

    Args:
        size: How many numbers the conditions are.
        layers: Layers to scale and shift.
        channels: Feature maps of every layer.
    """

    def __init__(self, size: int, layers: int, channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(size, CONDITION_FEATURES)
        self.outer = nn.Linear(CONDITION_FEATURES, 2 * layers * channels)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)
        self.shape = (layers, 2, channels)

    def forward(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Map encoded conditions (n,) to scales and shifts, (layers, channels) each."""
        values = self.outer(F.silu(self.inner(encoded))).unflatten(-1, self.shape)
        return 1 + values[:, 0], values[:, 1]


SPEC = ModelSpec("Lean", Lean, LeanParameters)
