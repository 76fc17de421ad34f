"""Networks tested on chips that random sensors observe: trained on one thing, tested on another."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import SCALE, quantise
from sen2naip_sr.degradation.compression import BLOCK
from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.degradation.sensor import draw_sensors, observe
from sen2naip_sr.evaluation.paired.bootstrap import mean_interval
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.metrics.full_reference import SHAVE
from sen2naip_sr.metrics.psnr import psnr
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import Weights

BASELINE = "lanczos"
"""The interpolation that gains are over."""

GAIN = "gain_"
"""Columns with gains begin with it."""
LOW, HIGH = "low_", "high_"
"""Stand before the names of these columns, for the ends of the gains' 95 % intervals."""

MOST = 32
"""Chips that are observed for each test, spread evenly."""


@dataclass(frozen=True)
class Observed:
    """A chip and what a sensor makes of it.

    Attributes:
        hr: (C, 2h, 2w), digital numbers.
        lr: (C, h, w), digital numbers in the chips' dtype.
        conditions: What is true of it.
    """

    hr: Array
    lr: Array
    conditions: Conditions


def gains_on_tests(
    networks: Mapping[str, Weights],
    hr: Store,
    chips: Array,
    tests: Mapping[str, SensorParameters],
    evaluation: EvaluationParameters,
) -> pd.DataFrame:
    """Score trained networks under sensors; those with conditions are told the true ones.

    Every network sees the same LR. It is rounded to the chips' dtype.

    Args:
        networks: Their weights by name.
        hr: HR chips.
        chips: Numbers of the chips to observe: those without invalid pixels, which a sensor would
            spread, and some of them if there are more than `MOST`.
        tests: Sensors by name.
        evaluation: Where to compute, and how intervals are computed.

    Returns:
        A row for each network: method, and for each test a column `GAIN` and its name, the mean
        gain over `BASELINE` in PSNR, dB, with the ends of its interval over locations.
    """
    numbers = spread(hr.whole(chips), MOST)
    index = hr.index
    # chips without a table of their places count as a location each
    locations = numbers if index is None else index["location"].to_numpy()[numbers]
    options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
    table = pd.DataFrame({"method": list(networks)})
    for test, sensor in tests.items():
        observed = [observed_chip(hr, int(chip), sensor, test) for chip in numbers]
        found = [
            mean_interval(
                _gains(weights, observed, hr, evaluation.accelerator), locations, **options
            )
            for weights in networks.values()
        ]
        table[GAIN + test] = [one.mean for one in found]
        table[LOW + GAIN + test] = [one.low for one in found]
        table[HIGH + GAIN + test] = [one.high for one in found]
    return table


def observed_chip(hr: Store, chip: int, sensor: SensorParameters, test: str) -> Observed:
    """Return a chip as a sensor of the test sees it, the same one at every call.

    Of chips whose sides are no multiples of 16, what is over is cut off.
    """
    low, high = hr.attributes["value_range"]
    dtype, unit = hr.chips.dtype, SCALE * BLOCK
    rows, columns = (length // unit * unit for length in hr.chips.shape[2:])
    truth = hr.chips[chip][:, :rows, :columns]
    image = (torch.from_numpy(truth.astype(np.float32)) - low) / (high - low)
    generator = torch.Generator().manual_seed(zlib.crc32(f"{test} {chip}".encode()))
    draws, deep = Draws(1, generator), torch.tensor([dtype != np.uint8])
    sensors = draw_sensors(sensor, deep, len(image), draws)
    lr, conditions = observe(image[None], sensors, draws)
    numbers = quantise(lr[0] * (high - low) + low, dtype).numpy().astype(dtype)
    return Observed(truth, numbers, conditions.each()[0])


def _gains(
    weights: Weights, observed: Sequence[Observed], hr: Store, accelerator: str
) -> list[float]:
    bands = hr.chips.shape[1]
    low, high = hr.attributes["value_range"]

    def network(model: torch.nn.Module) -> TorchNetwork:
        return make_network(model, bands=bands, device=accelerator, precision="float32")

    plain, own = network(build_model(BASELINE, bands).eval()), network(weights.build())
    gains = []
    for one in observed:
        told = network(weights.build(one.conditions)) if weights.conditioned else own
        scores = [
            _psnr(predict(method, one.lr[None], (low, high)), one.hr[None], high - low)
            for method in (told, plain)
        ]
        gains.append(scores[0] - scores[1])
    return gains


def _psnr(predicted: Array, truth: Array, peak: float) -> float:
    inside = (..., slice(SHAVE, -SHAVE), slice(SHAVE, -SHAVE))
    found, expected = (torch.from_numpy(a.astype(np.float64))[inside] for a in (predicted, truth))
    return float(psnr(found, expected, peak)[0])


def describe_gains(table: pd.DataFrame) -> list[str]:
    """Say which training is best for which test, on average and at the least; none: nothing."""
    columns = [name for name in table.columns if str(name).startswith(GAIN)]
    if not columns:
        return []
    gains = table.set_index("variation")[columns]
    best = (
        f"{column.removeprefix(GAIN)}: {gains[column].idxmax()} ({gains[column].max():+.2f})"
        for column in columns
    )
    mean, least = gains.mean(axis=1), gains.min(axis=1)
    return [
        f"Largest mean gains over Lanczos in dB, by what is tested: {', '.join(best)}.",
        f"On average over the tests: {mean.idxmax()} ({mean.max():+.2f}). The least gain of all: "
        f"{least.idxmin()} ({least.min():+.2f}); of the best in this respect, {least.idxmax()}: "
        f"{least.max():+.2f}.",
    ]
