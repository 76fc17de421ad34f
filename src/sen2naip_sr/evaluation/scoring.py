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
from sen2naip_sr.chips.validity import valid_pixels
from sen2naip_sr.degradation import RECIPES, SCALE, Recipe
from sen2naip_sr.degradation.validity import scored_pixels
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.methods import Method, network_for
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.perceptual.asked import Asked
from sen2naip_sr.inference.network import Network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.metrics.catalogue import COMPUTED
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.progress import track


def score_methods(  # noqa: PLR0913, PLR0917 - the last is optional
    methods: Sequence[Method],
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: EvaluationParameters,
    asked: Asked | None = None,
) -> pd.DataFrame:
    """Score methods on the test chips.

    Args:
        methods: What to score.
        hr: HR chips, the truth.
        lr: LR chips.
        splits: Which chips are tested on.
        parameters: How many chips, on which device.
        asked: Optional metrics, which get a column each if they are of chips, and keep what they
            need if they are of sets.

    Returns:
        One row for each method, chip and band; ``band`` is "all" for the scores over all bands.
        Columns method, trained, origin (of its weights), chip, place, location, band, the metrics
        of `sen2naip_sr.metrics.catalogue.COMPUTED` (NaN where one is not defined), and, on rows of
        all bands only, seconds_per_megapixel (of the result).

    Raises:
        UserError: If there is no test chip.
    """
    tested = splits[splits["split"] == TEST]
    if tested.empty:
        raise UserError("no-test-chip", "there is no test chip", "hold out places for the test")
    return score_chips(methods, hr, lr, tested, parameters, asked=asked)


def score_chips(  # noqa: PLR0913 - the last two are keywords
    methods: Sequence[Method],
    hr: Store,
    lr: Store,
    tested: pd.DataFrame,
    parameters: EvaluationParameters,
    *,
    only: Collection[str] = COMPUTED,
    asked: Asked | None = None,
) -> pd.DataFrame:
    """Score methods on some of the given chips, with columns chip, place and location.

    The columns of metrics of `COMPUTED` that are not among ``only`` are NaN and take no time. The
    result is as that of `score_methods`.
    """
    chips = spread(tested["chip"].to_numpy(), parameters.chips or len(tested))
    bands = hr.chips.shape[1]
    device = parameters.accelerator
    networks = [method.network(bands, device) for method in methods]
    located = tested.set_index("chip")[["place", "location"]]
    rows: list[dict[str, Any]] = []
    for chip in track(chips.tolist(), "Scoring", len(chips)):
        where = {"chip": chip, **located.loc[chip].to_dict()}
        for method, network in zip(methods, networks, strict=True):
            head = {"method": method.name, "trained": method.trained, "origin": method.origin}
            head |= where
            found = _score_chip(method, network, hr, lr, chip, device, only, asked)
            rows.extend(head | scores for scores in found)
    return pd.DataFrame(rows)


def _score_chip(  # noqa: PLR0913, PLR0917
    method: Method,
    network: Network,
    hr: Store,
    lr: Store,
    chip: int,
    device: str,
    only: Collection[str],
    asked: Asked | None,
) -> list[dict[str, Any]]:
    small, valid = lr.chips[chip], valid_pixels(lr.validity, chip)
    return score_image(
        network_for(method, small, hr.attributes["value_range"], device, valid) or network,
        hr.chips[chip],
        small,
        hr.attributes["value_range"],
        RECIPES[lr.attributes["recipe"].partition("@")[0]],
        bands=hr.attributes["bands"],
        only=only,
        scored=scored_pixels(valid_pixels(hr.validity, chip), valid),
        valid=valid,
        asked=asked,
        method=method.name,
    )


def score_image(  # noqa: PLR0913 - the last six are keywords
    network: Network,
    truth: Array,
    small: Array,
    value_range: ValueRange,
    recipe: Recipe,
    *,
    bands: Sequence[str],
    only: Collection[str] = COMPUTED,
    scored: Array | None = None,
    valid: Array | None = None,
    asked: Asked | None = None,
    method: str = "",
) -> list[dict[str, Any]]:
    """Score one image.

    Args:
        network: What upscales it.
        truth: (C, 2h, 2w), digital numbers of any real dtype.
        small: The LR image (C, h, w) in the same dtype.
        value_range: Digital numbers that become 0 and 1; their difference is the data range.
        recipe: What made the LR image.
        bands: The bands' names.
        only: Keys of `COMPUTED`; the other metrics are NaN.
        scored: (C, 2h, 2w), bool, the pixels that count; None: all.
        valid: (C, h, w), bool, the valid pixels of the LR image; None: all.
        asked: Optional metrics.
        method: The name under which they keep what they need of this image.

    Returns:
        The row of all bands together, then one for each band; see `score_methods`.
    """
    low, high = value_range
    start = time.perf_counter()
    prediction = predict(network, small[None], (low, high))
    seconds = time.perf_counter() - start
    scores = score(
        torch.from_numpy(prediction.astype(np.float64)),
        torch.from_numpy(truth[None].astype(np.float64)),
        data_range=high - low,
        ratio=SCALE,
        lr=torch.from_numpy(small[None].astype(np.float64)),
        downscale=lambda image: recipe.downscale(image, None),
        only=(*only, *asked.keys) if asked else only,
        valid=None if scored is None else torch.from_numpy(scored[None]),
        lr_valid=None if valid is None else torch.from_numpy(valid[None]),
        low=low,
        extractors=asked.extractors if asked else {},
    )
    if asked:
        asked.add(method, scores)
    megapixels = truth.shape[-1] * truth.shape[-2] / 1e6
    joint = {
        "band": ALL_BANDS,
        **dict.fromkeys(COMPUTED, math.nan),
        **{key: float(values[0]) for key, values in scores.chip.items()},
        "seconds_per_megapixel": seconds / megapixels,
    }
    single = [
        {"band": name, **{key: float(values[0, band]) for key, values in scores.band.items()}}
        for band, name in enumerate(bands)
    ]
    return [joint, *single]
