"""Lean: the project's own efficient network, residual blocks at low resolution and nothing else.

Built like the baseline of Lim et al. 2017, "Enhanced Deep Residual Networks for Single Image
Super-Resolution", https://arxiv.org/abs/1707.02921 (EDSR). What differs:

- the last 3 x 3 convolution makes the four sub-pixels of each band at once (Shi et al. 2016,
  https://arxiv.org/abs/1609.05158): no layer works at high resolution, where a convolution costs
  four times as much, and which takes CARN and EDSR a third and more of their time;
- the output is the bicubic upscaling plus a correction whose last convolution starts at zero, so an
  untrained network is exactly bicubic, and there is no checkerboard to unlearn;
- no mean shift: the input is centred on 0.5, whatever the bands;
- it may be told what the image is like: see `sen2naip_sr.models.conditions`;
- it may be trained to be computed with numbers of 8 bits: see `sen2naip_sr.models.quantisation`.

Among the networks tried under equal budget (docs/models.md) it gained the most for its time: dense
3 x 3 convolutions run near a CPU's peak, while the splits, concatenations, 1 x 1 fusions and
attentions of others wait for memory.
"""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import GlobalResidualNetwork, ResidualBlock, centred, zeroed
from sen2naip_sr.models.conditions import Conditions, encoded_size
from sen2naip_sr.models.interpolation import upscale_bicubic
from sen2naip_sr.models.quantisation import QuantisableConv2d, set_rounding
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters


class LeanParameters(Parameters):
    """Size of `Lean`."""

    channels: int = Field(default=48, ge=1)
    """Feature maps of every layer."""
    blocks: int = Field(default=10, ge=1)
    """Residual blocks."""
    inner: int | None = Field(default=None, ge=1)
    """Feature maps between the two convolutions of a block; null: as many as elsewhere."""
    conditions: bool = False
    """Whether it can be told the noise, blur and compression of an image."""
    quantised: bool = False
    """Whether it knows the ranges of its feature maps, so that it can be computed in 8 bits."""


CONDITION_FEATURES = 32
"""Width of the layer between the conditions and the scales and shifts."""


class Lean(GlobalResidualNetwork):
    """Lean residual network for 2x super-resolution; `LeanParameters` describes the arguments.

    Attributes:
        conditioned: Whether it can be told conditions. It is then trained with some.
        quantised: Whether the convolutions of its body know the ranges of what they read.
    """

    shrinkable = True

    def __init__(  # noqa: PLR0913, PLR0917 - those of `LeanParameters`
        self,
        bands: int,
        channels: int,
        blocks: int,
        inner: int | None = None,
        conditions: bool = False,
        quantised: bool = False,
    ) -> None:
        super().__init__(bands)
        # entry, two convolutions a block, the one after them, exit
        self.receptive_field = 1 + 2 * blocks + 1 + 1
        self.size: dict[str, Any] = {
            "channels": channels,
            "blocks": blocks,
            "inner": inner,
            "quantised": quantised,
        }
        self.conditioned, self.quantised = conditions, quantised
        layer = QuantisableConv2d if quantised else nn.Conv2d
        self.entry = nn.Conv2d(bands, channels, 3, padding=1)
        self.body = nn.Sequential(
            *(LeanBlock(channels, inner, layer) for _ in range(blocks)),
            layer(channels, channels, 3, padding=1),
        )
        self.exit = zeroed(nn.Conv2d(channels, 4 * bands, 3, padding=1))
        self.modulation = (
            Modulation(encoded_size(bands), len(self._modulated()), max(channels, inner or 0))
            if conditions
            else None
        )

    def forward(self, image: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Upscale images.

        Args:
            image: (B, bands, h, w), float, values in [0, 1].
            conditions: (B, `encoded_size`), encoded conditions of each image, for training. Their
                scales and shifts are applied to feature maps; `under` folds those of one image
                into the weights, which is faster. None: those of the recipe.

        Returns:
            (B, bands, 2h, 2w), not clipped.

        Raises:
            UserError: If the images have other bands than the network was built for, or if there
                are conditions and the network was built without.
        """
        if conditions is None:
            return super().forward(image)
        if self.modulation is None:
            raise UserError(
                "conditions-unused",
                "the network was built without conditions and is given some",
                "use a network with conditions, or give none",
            )
        return upscale_bicubic(image) + self._told_correction(image, self.modulation(conditions))

    def _told_correction(self, image: Tensor, modulation: tuple[Tensor, Tensor]) -> Tensor:
        # a pair of scale and shift, (B, channels, 1, 1) each, for every layer
        pairs = list(
            zip(*(values[..., None, None].unbind(1) for values in modulation), strict=True)
        )
        *blocks, last = self.body
        entered = maps = _modulated(self.entry, image - 0.5, *pairs[0])
        for k, block in enumerate(blocks):
            maps = block(maps, pairs[2 * k + 1], pairs[2 * k + 2])
        maps = entered + _modulated(last, maps, *pairs[-1])
        # what is added to the upscaling keeps its precision
        with torch.autocast(image.device.type, enabled=False):
            return F.pixel_shuffle(self.exit(maps.to(self.exit.weight.dtype)), 2)

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
            outputs = layer.out_channels
            layer.weight.mul_(scale[:outputs, None, None, None])
            layer.bias.mul_(scale[:outputs]).add_(shift[:outputs])
        set_rounding(plain, self.rounding)
        return plain.train(self.training)

    @property
    def rounding(self) -> bool:
        """Whether the convolutions of its body round; see `QuantisableConv2d`."""
        return bool(getattr(self.body[-1], "rounding", False))

    def _modulated(self) -> list[nn.Conv2d]:
        layers = [layer for layer in self.body.modules() if isinstance(layer, nn.Conv2d)]
        return [self.entry, *layers]


class LeanBlock(ResidualBlock):
    """A residual block whose convolutions may be scaled and shifted for each image.

    Args:
        channels: Feature maps in and out.
        inner: Feature maps between the convolutions. None: as many as in and out.
        layer: Makes the convolutions.
    """

    def __init__(
        self, channels: int, inner: int | None = None, layer: type[nn.Conv2d] = nn.Conv2d
    ) -> None:
        super().__init__(channels, relu_after_sum=False, inner=inner, layer=layer)
        if isinstance(self.second, QuantisableConv2d):
            self.second.signed = False  # it reads what a ReLU gave

    def forward(self, features: Tensor, *modulation: tuple[Tensor, Tensor]) -> Tensor:
        """Map (B, channels, h, w) to the same shape.

        Args:
            features: The feature maps.
            modulation: None, or the scale and the shift of each of the two convolutions,
                (B, channels, 1, 1).
        """
        if not modulation:
            return super().forward(features)
        first, second = modulation
        inner = F.relu(_modulated(self.first, features, *first))
        return features + _modulated(self.second, inner, *second)


def _modulated(convolution: nn.Module, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    result: Tensor = convolution(maps)
    outputs = result.shape[1]
    return (result * scale[:, :outputs] + shift[:, :outputs]).to(result.dtype)


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
        """Map encoded conditions (..., n) to scales and shifts, (..., layers, channels) each.

        They are computed in single precision, whatever the rest is computed in.
        """
        # costs are counted on tensors without content, for which there is no autocast
        device = "cpu" if encoded.is_meta else encoded.device.type
        with torch.autocast(device, enabled=False):
            values = self.outer(F.silu(self.inner(encoded))).unflatten(-1, self.shape)
        scales, shifts = values.unbind(-2)
        return 1 + scales, shifts


SPEC = ModelSpec("Lean", Lean, LeanParameters)
