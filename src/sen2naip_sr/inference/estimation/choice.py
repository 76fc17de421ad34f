"""What a network is best told about the blur, when the true width is uncertain.

One image does not tell soft ground from a blurred image, so several widths may be true. A network
that was told the true one returns the mean of what is possible. Then the mean squared error of any
other result is larger by its mean squared difference to that: the cost of telling one width where
another is true needs no truth, only the network's results for both. The choice is the result with
the smallest expected cost. Where it may be worse than interpolation, it costs more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from sen2naip_sr.inference.estimation.regressor import WIDTHS
from sen2naip_sr.inference.estimation.windows import SCALE
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.interpolation import Interpolation

Build = Callable[[Conditions], nn.Module]
"""Makes the network that is told some conditions."""

SHARPNESSES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the network's correction that are tried."""

_BASE, *_OTHERS = ("bicubic", "lanczos", "bilinear")
_TRIED, _SIDE = 3, 64
"""Windows that the network is tried on, and their side in pixels."""
_HYPOTHESES, _LEAST_SHARE = 8, 0.01
_OVERRATED = ((1.0, 0.93), (0.5, 0.07))
"""Shares of its correction that are true, with probabilities: on soft ground without noise, half
of what a network adds was never there."""
_NARROW, _ALIASED, _MISTAKEN = 0.34, 0.08, 0.3
"""Soft ground that was decimated without a filter looks as if narrow blurs had been the filter:
this share of the probability of narrow widths belongs to no filter at all."""
_FAR = 0.06
"""Difference of widths above which a width between them is tried, too."""
_AVERSION = 2.0
"""Additional cost of being worse than interpolation."""
_FLOOR = 0.05
"""Mean squared difference, in digital numbers of 8 bits, that does not count."""
_SHAVED = 4


@dataclass(frozen=True)
class Choice:
    """What a network is told, and how much of its result is used.

    Attributes:
        blur: The widths down the columns and along the rows, in pixels; None: not known.
        sharpness: The share of the network's correction of the bicubic upscaling.
    """

    blur: tuple[float, float] | None
    sharpness: float


def choose_blur(shares: Tensor, windows: Tensor, known: Conditions, build: Build) -> Choice:
    """Return what costs the least on average.

    Args:
        shares: (2, widths), the probability of each of `WIDTHS` on both axes.
        windows: (n, C, side, side), from 0 to `SCALE`: parts of the image.
        known: The noise and compression that the network is told.
        build: Makes the network. It is tried on a few parts of the windows.
    """
    pairs, weights = _hypotheses(_without_illusion(shares))
    start = (windows.shape[-1] - _SIDE) // 2
    middle = slice(start, start + _SIDE)
    tried = windows[:_TRIED, :, middle, middle] / SCALE
    base = Interpolation(_BASE)(tried)

    def correction(network: nn.Module) -> Tensor:
        changed = network(tried).clamp(0, 1) - base
        return SCALE * changed[..., _SHAVED:-_SHAVED, _SHAVED:-_SHAVED].flatten()

    blurs = [*pairs, *_between(pairs), None]
    bands = windows.shape[1]
    ours = [
        correction(build(Conditions(known.noise, blur and (blur,) * bands, known.compression)))
        for blur in blurs
    ]
    theirs = [torch.zeros_like(ours[0]), *(correction(Interpolation(name)) for name in _OTHERS)]
    costs = _costs(torch.stack(ours), torch.stack(theirs), weights)
    best, sharpness = divmod(int(costs.argmin()), len(SHARPNESSES))
    return Choice(blurs[best], SHARPNESSES[sharpness])


def _without_illusion(shares: Tensor) -> Tensor:
    """Return probabilities that allow for decimation without a filter."""
    narrow = torch.tensor([width <= _NARROW for width in WIDTHS])
    moved = _MISTAKEN * shares * narrow
    result = shares - moved
    result[:, WIDTHS.index(_ALIASED)] += moved.sum(-1)
    return result


def _hypotheses(shares: Tensor) -> tuple[list[tuple[float, float]], Tensor]:
    """Return pairs of widths that may be true, and their probabilities.

    How soft the ground is makes the estimates of both axes wrong in one direction. So the narrowest
    width on one axis goes with the narrowest on the other.
    """
    levels = shares.cumsum(-1)
    ends = levels.flatten().sort().values
    starts = torch.cat((torch.zeros(1), ends[:-1]))
    middles = (starts + ends).div(2).expand(2, -1).contiguous()
    places = torch.searchsorted(levels.contiguous(), middles).clamp(max=len(WIDTHS) - 1)
    masses: dict[tuple[int, int], float] = {}
    for pair, mass in zip(places.T.tolist(), (ends - starts).tolist(), strict=True):
        masses[tuple(pair)] = masses.get(tuple(pair), 0.0) + mass
    likely = sorted(masses, key=lambda pair: -masses[pair])[:_HYPOTHESES]
    likely = [pair for pair in likely if masses[pair] >= _LEAST_SHARE] or likely[:1]
    weights = torch.tensor([masses[pair] for pair in likely])
    return [(WIDTHS[down], WIDTHS[along]) for down, along in likely], weights / weights.sum()


def _between(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return compromises of neighbouring pairs that are far from each other."""
    return [
        ((down + next_down) / 2, (along + next_along) / 2)
        for (down, along), (next_down, next_along) in pairwise(sorted(pairs))
        if max(next_down - down, next_along - along) > _FAR
    ]


def _costs(ours: Tensor, theirs: Tensor, weights: Tensor) -> Tensor:
    """Return the expected cost of each result and sharpness: (results, `SHARPNESSES`).

    Args:
        ours: (results, values), the network's corrections. The first ones are those of the
            hypotheses.
        theirs: (interpolations, values), the differences of interpolations to the base.
        weights: (hypotheses,), their probabilities.
    """
    sizes = ours.square().mean(-1)
    products = ours @ ours[: len(weights)].T / ours.shape[-1]
    true_sizes = sizes[: len(weights)]
    sharpness = torch.tensor(SHARPNESSES)[:, None]
    total = torch.zeros(len(ours), len(SHARPNESSES))
    for share, probability in _OVERRATED:
        off = (
            sharpness**2 * sizes[:, None, None]
            - 2 * sharpness * share * products[:, None]
            + share**2 * true_sizes
        )
        interpolated = (theirs[:, None] - share * ours[: len(weights)]).square().mean(-1)
        relative = off.clamp(min=0) / (interpolated.min(0).values + _FLOOR)
        worse = (relative - 1).clamp(min=0)
        total += probability * ((relative + _AVERSION * worse) @ weights)
    return total
