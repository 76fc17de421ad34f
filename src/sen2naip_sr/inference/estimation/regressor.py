"""The small network that maps features of an image to its noise and blur."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.inference.estimation.features import COUNT

FILE = Path(__file__).parent / "estimator.safetensors"
"""Its weights, made by `sen2naip_sr.release.estimator`."""

WIDTHS = (
    0.04, 0.08, 0.13, 0.18, 0.23, 0.265, 0.3, 0.34, 0.38, 0.42, 0.46, 0.51, 0.57, 0.64, 0.72, 0.8,
    0.9, 1.05, 1.25,
)  # fmt: skip
"""Widths of the blur in pixels whose probabilities it tells."""

_LIMIT = 4.0
_HIDDEN = (96, 64)
_NOISE_UNIT, _NOISE_SCALE = 4.0, 4.0
_LEAST_ERROR = -5.0
_JITTER = 0.05
_EPOCHS, _BATCH, _RATE, _DECAY = 25, 96, 2e-3, 5e-2


@dataclass(frozen=True)
class Examples:
    """Bands of windows with known noise and blur.

    Attributes:
        inputs: (n, 2 `COUNT` + 1), what `regressor_inputs` returns for each band.
        noise: (n,), standard deviation in digital numbers of 8 bits.
        blur: (n, 2), width down the columns and along the rows, in pixels.
    """

    inputs: Tensor
    noise: Tensor
    blur: Tensor


class Regressor(nn.Module):
    """Estimates noise and blur of every band of a window.

    A band is judged by its own features, the mean features of all bands, and the compression.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        size = 2 * COUNT + 1
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        first, second = _HIDDEN
        outputs = 2 + 2 * len(WIDTHS)
        self.layers = nn.Sequential(
            nn.Linear(size, first),
            nn.SiLU(),
            nn.Linear(first, second),
            nn.SiLU(),
            nn.Linear(second, outputs),
        )
        self.direct = nn.Linear(size, outputs)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate noise and blur.

        Args:
            inputs: (..., 2 `COUNT` + 1), what `regressor_inputs` returns.

        Returns:
            (...), noise as `encode_noise` returns it; (...), the logarithm of its mean absolute
            error; (..., 2, widths), log-probabilities of `WIDTHS` on both axes.
        """
        standard = (inputs - self.mean) / self.deviation
        standard = standard.clamp(-_LIMIT, _LIMIT)
        if self.training:
            standard = standard + _JITTER * torch.randn_like(standard)
        noise, error, blur = (self.layers(standard) + self.direct(standard)).split(
            (1, 1, 2 * len(WIDTHS)), -1
        )
        blur = blur.unflatten(-1, (2, -1)).log_softmax(-1)
        return noise[..., 0], error[..., 0].clamp(min=_LEAST_ERROR), blur


def encode_noise(noise: Tensor) -> Tensor:
    """Return standard deviations in digital numbers of 8 bits on the scale of equal errors."""
    return torch.log2(1 + _NOISE_UNIT * noise) / _NOISE_SCALE


def decode_noise(values: Tensor) -> Tensor:
    """Return standard deviations from what `encode_noise` returns."""
    return (2 ** (_NOISE_SCALE * values.clamp(min=0)) - 1) / _NOISE_UNIT


@lru_cache(maxsize=1)
def shipped_regressor() -> Regressor:
    """Return the regressor that comes with the project."""
    regressor = Regressor()
    state = safetensors.torch.load_file(FILE)
    regressor.load_state_dict({name: values.float() for name, values in state.items()})
    return regressor.eval()


def trained_regressor(examples: Examples, seed: int) -> Regressor:
    """Return a regressor trained on examples.

    Args:
        examples: Windows with known noise and blur.
        seed: Seeds the weights and the batches.
    """
    torch.manual_seed(seed)
    regressor = Regressor()
    regressor.mean.copy_(examples.inputs.mean(0))
    regressor.deviation.copy_(examples.inputs.std(0) + 1e-3)
    optimizer = torch.optim.AdamW(regressor.parameters(), _RATE, weight_decay=_DECAY)
    count = len(examples.noise) // _BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS * count)
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(examples.noise))[: count * _BATCH].split(_BATCH):
            loss = _loss(regressor, examples, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return regressor.eval()


def _loss(regressor: Regressor, examples: Examples, batch: Tensor) -> Tensor:
    """Return the negative log-likelihood: Laplace for noise, interpolated classes for blur."""
    noise, error, blur = regressor(examples.inputs[batch])
    off = (noise - encode_noise(examples.noise[batch])).abs()
    of_noise = (off * torch.exp(-error) + error).mean()
    of_blur = -(_shares(examples.blur[batch]) * blur).sum(-1).mean()
    return of_noise + of_blur


def _shares(widths: Tensor) -> Tensor:
    """Return how widths are divided between the two nearest of `WIDTHS`: (..., widths)."""
    known = torch.tensor(WIDTHS)
    widths = widths.clamp(*WIDTHS[:: len(WIDTHS) - 1])
    above = torch.searchsorted(known, widths.contiguous()).clamp(min=1)
    share = (widths - known[above - 1]) / (known[above] - known[above - 1])
    lower = F.one_hot(above - 1, len(WIDTHS)) * (1 - share)[..., None]
    return lower + F.one_hot(above, len(WIDTHS)) * share[..., None]


def regressor_inputs(found: Tensor, compression: Tensor) -> Tensor:
    """Return what the regressor takes.

    Args:
        found: (n, C, `COUNT`), features of windows.
        compression: (n,), scale of JPEG's table, 0 for none or hardly any.

    Returns:
        (n, C, 2 `COUNT` + 1).
    """
    shared = found.mean(1, keepdim=True).expand_as(found)
    told = torch.log2(1 + 10 * compression)[:, None, None].expand(*found.shape[:2], 1)
    return torch.cat((found, shared, told), -1)
