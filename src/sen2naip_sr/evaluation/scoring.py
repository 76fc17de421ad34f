"""Scores of every method on every test chip, by the protocol of docs/protocol.md."""

import math
import time
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import TEST, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import RECIPES, SCALE
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.measures import ALL_BANDS
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.inference.network import Network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.full_reference import METRICS, SHAVE, score
from sen2naip_sr.metrics.spectrum import SMALLEST, spectral_distance
from sen2naip_sr.progress import track

LOWEST_FREQUENCY = 0.25 / SCALE
"""Of the spectral distance, cycles per HR pixel: half of LR's Nyquist frequency."""

EVERYTHING = (*METRICS, "consistency", "spectrum")
"""What can be scored, beside the time."""


def score_methods(
    methods: Sequence[Method],
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: EvaluationParameters,
) -> pd.DataFrame:
    """Score methods on the test chips.

    Args:
        methods: What to score.
        hr: HR chips, the truth.
        lr: LR chips.
        splits: Which chips are tested on.
        parameters: How many chips, on which device.

    Returns:
        A row a method, chip and band; ``band`` is "all" for the scores over all bands. Columns
        method, trained, chip, place, location, band, the metrics of
        `sen2naip_sr.metrics.full_reference.METRICS`, consistency (digital numbers),
        and, only on rows of all bands, spectrum (dB; NaN for chips of less than 24 pixels a side)
        and seconds_per_megapixel (of the result).

    Raises:
        UserError: If there is no test chip.
    """
    tested = splits[splits["split"] == TEST]
    if tested.empty:
        raise UserError("no-test-chip", "there is no test chip", "hold out places for the test")
    return score_chips(methods, hr, lr, tested, parameters)


def score_chips(  # noqa: PLR0913 - the last is a keyword
    methods: Sequence[Method],
    hr: Store,
    lr: Store,
    tested: pd.DataFrame,
    parameters: EvaluationParameters,
    *,
    only: Collection[str] = EVERYTHING,
) -> pd.DataFrame:
    """Score methods on given chips.

    Args:
        methods: What to score.
        hr: HR chips, the truth.
        lr: LR chips.
        tested: The chips, with columns chip, place and location.
        parameters: How many of them, on which device.
        only: Names of `EVERYTHING`; the columns of the others are NaN, and take no time.

    Returns:
        As `score_methods`.
    """
    chips = spread(tested["chip"].to_numpy(), parameters.chips or len(tested))
    bands = hr.chips.shape[1]
    networks = [method.network(bands, parameters.accelerator) for method in methods]
    located = tested.set_index("chip")[["place", "location"]]
    rows: list[dict[str, Any]] = []
    for chip in track(chips.tolist(), "Scoring", len(chips)):
        where = {"chip": chip, **located.loc[chip].to_dict()}
        for method, network in zip(methods, networks, strict=True):
            head = {"method": method.name, "trained": method.trained, **where}
            found = _score_chip(network, hr, lr, chip, only)
            rows.extend(head | scores for scores in found)
    return pd.DataFrame(rows)


def _score_chip(
    network: Network, hr: Store, lr: Store, chip: int, only: Collection[str]
) -> list[dict[str, Any]]:
    low, high = hr.attributes["value_range"]
    truth = torch.from_numpy(hr.chips[chip][None].astype(np.float64))
    small = lr.chips[chip][None]
    prediction, seconds = _timed_prediction(network, small, (low, high))
    scores = score(prediction, truth, data_range=high - low, shave=SHAVE, only=only)
    squares = None
    if "consistency" in only:
        squares = _consistency_residual(prediction, small, lr.attributes["recipe"]).square()
    megapixels = truth.shape[-1] * truth.shape[-2] / 1e6
    rows: list[dict[str, Any]] = [
        {"band": ALL_BANDS}
        | {name: float(scores.chip[name][0]) if name in only else math.nan for name in METRICS}
        | {
            "consistency": math.nan if squares is None else float(squares.mean().sqrt()),
            "spectrum": _spectral_distance(prediction, truth) if "spectrum" in only else math.nan,
            "seconds_per_megapixel": seconds / megapixels,
        }
    ]
    for band, name in enumerate(hr.attributes["bands"]):
        rows.append(
            {"band": name}
            | {metric: float(values[0, band]) for metric, values in scores.band.items()}
            | ({} if squares is None else {"consistency": float(squares[0, band].mean().sqrt())})
        )
    return rows


def _timed_prediction(
    network: Network, lr: Array, value_range: tuple[float, float]
) -> tuple[torch.Tensor, float]:
    start = time.perf_counter()
    prediction = predict(network, lr, value_range)
    seconds = time.perf_counter() - start
    return torch.from_numpy(prediction.astype(np.float64)), seconds


def _spectral_distance(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Return the distance (dB) of one chip's spectra above half of LR's Nyquist frequency."""
    if min(truth.shape[-2:]) < SMALLEST + 2 * SHAVE:
        return math.nan
    inside = (..., slice(SHAVE, -SHAVE), slice(SHAVE, -SHAVE))
    return float(spectral_distance(prediction[inside], truth[inside], LOWEST_FREQUENCY))


def _consistency_residual(prediction: torch.Tensor, lr: Array, recipe_id: str) -> torch.Tensor:
    """Return downscaled prediction (neither noisy nor rounded) minus LR, without the borders."""
    recipe = RECIPES[recipe_id.partition("@")[0]]
    inside = (..., slice(SHAVE // 2, -SHAVE // 2), slice(SHAVE // 2, -SHAVE // 2))
    small = torch.from_numpy(lr.astype(np.float64))
    return (recipe.downscale(prediction, None) - small)[inside]
