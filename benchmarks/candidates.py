"""Networks that were compared before `lean` was chosen.

Each is the core of a published design, without what ties a pixel to the whole image (channel and
spatial attention by pooling), since tiles could not be exact then. All get the bicubic upscaling
to correct and a sub-pixel layer that starts at zero.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.models.blocks import GlobalResidualNetwork, zeroed
from sen2naip_sr.models.registry import build_model

BANDS = 4


def conv(channels: int, out: int, size: int = 3) -> nn.Conv2d:
    """Return a convolution that keeps height and width."""
    return nn.Conv2d(channels, out, size, padding=size // 2)


class Rlfn(nn.Module):
    """RLFN's block (arXiv:2205.07514) without its spatial attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(conv(channels, channels) for _ in range(3))
        self.fusion = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features to the same shape."""
        out = x
        for layer in self.layers:
            out = F.leaky_relu(layer(out), 0.05)
        return self.fusion(out + x)


class Imdn(nn.Module):
    """IMDN's information multi-distillation (arXiv:1909.11856) without channel attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kept, self.rest = channels // 4, channels - channels // 4
        self.first = conv(channels, channels)
        self.layers = nn.ModuleList(conv(self.rest, channels) for _ in range(2))
        self.last = conv(self.rest, self.kept)
        self.fusion = conv(4 * self.kept, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features to the same shape."""
        kept, rest = F.leaky_relu(self.first(x), 0.05).split([self.kept, self.rest], 1)
        distilled = [kept]
        for layer in self.layers:
            kept, rest = F.leaky_relu(layer(rest), 0.05).split([self.kept, self.rest], 1)
            distilled.append(kept)
        return x + self.fusion(torch.cat([*distilled, self.last(rest)], 1))


class Candidate(GlobalResidualNetwork):
    """Blocks at low resolution between an entry and a sub-pixel exit."""

    def __init__(self, block: Callable[[int], nn.Module], channels: int, blocks: int) -> None:
        super().__init__(BANDS)
        self.entry = conv(BANDS, channels)
        self.body = nn.Sequential(*(block(channels) for _ in range(blocks)))
        self.last = conv(channels, channels)
        self.exit = zeroed(conv(channels, 4 * BANDS))

    def correction(self, image: Tensor, upscaled: Tensor) -> Tensor:
        """Return the correction of the bicubic upscaling."""
        entered = self.entry(image - 0.5)
        return F.pixel_shuffle(self.exit(entered + self.last(self.body(entered))), 2)


CANDIDATES: dict[str, Callable[[], nn.Module]] = {
    "lean, 48 channels, 6 blocks": lambda: build_model("lean", BANDS, channels=48, blocks=6),
    "lean, 32 channels, 8 blocks": lambda: build_model("lean", BANDS, channels=32, blocks=8),
    "CARN, 48 channels": lambda: build_model("carn", BANDS, channels=48),
    "RLFN, 48 channels, 4 blocks": lambda: Candidate(Rlfn, 48, 4),
    "IMDN, 48 channels, 6 blocks": lambda: Candidate(Imdn, 48, 6),
}
