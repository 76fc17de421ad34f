"""Fits the half-width of intervals to errors: quantile regression.

The Winkler score (Winkler 1972, doi:10.1080/01621459.1972.10481224) of an interval is its width
plus 2 / (1 - level) times the distance of a truth outside of it. On average it is smallest where
the interval ends at the quantiles of the error, given the features.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.inference.intervals.features import FLOOR
from sen2naip_sr.inference.intervals.samples import Samples
from sen2naip_sr.inference.intervals.width import FARTHEST
from sen2naip_sr.weights.calibration import WidthModel

HIDDEN = 16
"""Rectified values. More gained nothing on places that were left out, nor did a second layer."""

STEPS, DRAWN, RATE, DECAY = 600, 64, 1e-2, 1e-3
"""Steps, pixels of a scene drawn in each, and the optimiser's first rate and weight decay."""

_DIGITS = 5


def winkler(errors: Array, widths: Array, level: float) -> Array:
    """Return the Winkler score of each interval, in the unit of the errors."""
    return 2 * widths + 2 / (1 - level) * np.maximum(errors - widths, 0)


def fit_width(scenes: Sequence[Samples], weights: Array, level: float, seed: int = 0) -> WidthModel:
    """Fit the half-width to the errors of scenes.

    Args:
        scenes: Pixels of each scene.
        weights: The weight of each.
        level: Share of the errors that are to be smaller.
        seed: Seeds the first weights and the choice of pixels.
    """
    found = np.concatenate([scene.features for scene in scenes])
    centre, spread = found.mean(axis=0), found.std(axis=0) + 1e-6
    # large errors of a few scenes would decide everything
    typical = np.array([scene.errors.mean() + FLOOR for scene in scenes], np.float32)
    regressor = _Regressor(found.shape[1], seed)
    optimiser = torch.optim.AdamW(regressor.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    random = np.random.default_rng(seed)
    shares = torch.from_numpy(weights / weights.mean()).float()[:, None]
    for _ in range(STEPS):
        drawn = [random.integers(len(scene.errors), size=DRAWN) for scene in scenes]
        pairs = list(zip(scenes, drawn, strict=True))
        inputs = (np.stack([scene.features[k] for scene, k in pairs]) - centre) / spread
        errors = np.stack([scene.errors[k] for scene, k in pairs]) / typical[:, None]
        logs = regressor(torch.from_numpy(inputs.astype(np.float32)).clamp(-FARTHEST, FARTHEST))
        widths = logs.exp() / torch.from_numpy(typical)[:, None]
        missed = (torch.from_numpy(errors.astype(np.float32)) - widths).clamp(min=0)
        optimiser.zero_grad()
        (shares * (2 * widths + 2 / (1 - level) * missed)).mean().backward()
        optimiser.step()
        schedule.step()
    return regressor.model(centre, spread)


class _Regressor(nn.Module):
    """A `WidthModel` of standardised features, to be trained."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.hidden, self.output = nn.Linear(count, HIDDEN), nn.Linear(HIDDEN, 1, bias=False)
            self.direct = nn.Linear(count, 1)
        with torch.no_grad():  # begins near the errors of rounding
            self.direct.bias.fill_(float(np.log(FLOOR)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logarithm of half-widths: (..., features) to (...)."""
        result: Tensor = self.output(self.hidden(inputs).relu()) + self.direct(inputs)
        return result[..., 0]

    def model(self, centre: Array, spread: Array) -> WidthModel:
        """Return it with few digits, which a calibration holds."""
        return WidthModel(
            centre=_numbers(centre),
            spread=_numbers(spread),
            hidden=tuple(_numbers(row) for row in self.hidden.weight.detach().numpy()),
            hidden_bias=_numbers(self.hidden.bias.detach().numpy()),
            output=_numbers(self.output.weight.detach().numpy()[0]),
            direct=_numbers(self.direct.weight.detach().numpy()[0]),
            bias=_numbers(self.direct.bias.detach().numpy())[0],
        )


def _numbers(values: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
