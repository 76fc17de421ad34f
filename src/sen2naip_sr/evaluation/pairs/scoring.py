"""Scores of methods on real pairs: how much of the truth's detail they predict."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method, interpolations
from sen2naip_sr.evaluation.pairs.detail import MARGIN, Detail, Fit, detail_of, fit
from sen2naip_sr.evaluation.pairs.pair import Pair, find_pairs, read_pair
from sen2naip_sr.evaluation.pairs.parameters import PairsParameters
from sen2naip_sr.evaluation.pairs.registration import LEAST, Movable, register
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import choose_range
from sen2naip_sr.progress import track
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.upscaling.arrays import upscale_array
from sen2naip_sr.upscaling.conditions import CONDITIONS
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.upscaling.upscaler import Upscaler
from sen2naip_sr.weights.files import Weights

logger = logging.getLogger(__name__)

BASELINE = "lanczos"
"""The interpolation that the others are compared with, and that registers the truth."""

_LEAST_SHARE = 1e-12

Upscale = Callable[[Array], tuple[Array, dict[str, str]]]
"""Upscales bands (C, h, w), masked; returns them (C, 2h, 2w) and what the network was told."""


def score_pairs(
    parameters: PairsParameters,
    weights: Mapping[str, Weights],
    accelerator: str,
    peers: Sequence[Method] = (),
) -> pd.DataFrame:
    """Score every interpolation and network on real pairs.

    Pairs that cannot be used, and networks that cannot be applied to one, are left out with a
    warning.

    Args:
        parameters: The pairs, and what networks are told of them.
        weights: Weights by the name of the method.
        accelerator: Device to predict on.
        peers: Other methods, which can be told nothing.

    Returns:
        One row for each pair and method. Columns pair, method, trained, truth (pan or bands), gain
        (of the error of the detail over Lanczos, dB), missed (share of the variance of the truth's
        detail), correlation, rows and columns (what the registration adds to the georeferencing,
        in pixels of the result), pixels (compared), noise, blur and compression (what the network
        was told, in words).

    Raises:
        UserError: If there are no pairs, or none can be used.
    """
    methods: dict[str, Upscale] = {
        **{
            name: _network(Upscaler(_options(parameters, found, accelerator), found))
            for name, found in weights.items()
        },
        **{peer.name: partial(_upscale_plainly, peer, accelerator=accelerator) for peer in peers},
    }
    folders = find_pairs(parameters.folders)
    rows, problems = [], []
    for folder in track(folders, "Scoring pairs", len(folders)):
        try:
            prepared = _prepare(read_pair(folder), parameters.reach, accelerator)
        except UserError as error:
            logger.warning("Left out: %s", error.problem)
            problems.append(error)
            continue
        rows += _score(prepared, methods)
    if not rows:
        raise problems[0]
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Prepared:
    pair: Pair
    interpolated: dict[str, Array]
    truth: Detail
    used: Array
    registration: tuple[float, float]

    def fit(self, upscaled: Array) -> Fit:
        detail = detail_of(_floats(upscaled))
        return fit(
            detail.values[:, self.used], self.truth.values[:, self.used], self.pair.panchromatic
        )


def _prepare(pair: Pair, reach: float, accelerator: str) -> _Prepared:
    """Return a pair with its truth on the grid of the result."""
    plain = interpolations(len(pair.bands))
    interpolated = {
        m.name: _upscale_plainly(m, pair.bands, accelerator=accelerator)[0] for m in plain
    }
    details = detail_of(_floats(interpolated[BASELINE]))
    truth = Movable(detail_of(pair.truth))
    found = register(details, truth, pair.offset, panchromatic=pair.panchromatic, reach=reach)
    if found is None:
        raise UserError(
            "pair-too-small",
            f"{pair.name}: bands and truth share fewer than {LEAST} pixels of the result that are "
            f"{MARGIN} pixels from the edges and from missing data",
            "give larger images",
        )
    if reach and max(map(abs, found)) >= reach:
        logger.warning("%s: the registration ends at its reach of %g pixels", pair.name, reach)
    place = (pair.offset[0] + found[0], pair.offset[1] + found[1])
    placed = truth.at(place, details.known.shape)
    return _Prepared(pair, interpolated, placed, details.known & placed.known, found)


def _score(prepared: _Prepared, networks: Mapping[str, Upscale]) -> list[dict[str, Any]]:
    base = prepared.fit(prepared.interpolated[BASELINE])
    rows = [
        _row(prepared, name, base, prepared.fit(image), trained=False)
        for name, image in prepared.interpolated.items()
    ]
    for name, upscale in networks.items():
        try:
            image, told = upscale(prepared.pair.bands)
        except UserError as error:
            logger.warning("%s is not scored on %s: %s", name, prepared.pair.name, error.problem)
            continue
        rows.append(_row(prepared, name, base, prepared.fit(image), trained=True) | told)
    return rows


def _row(prepared: _Prepared, name: str, base: Fit, found: Fit, trained: bool) -> dict[str, Any]:
    ratio = max(base.missed, _LEAST_SHARE) / max(found.missed, _LEAST_SHARE)
    return {
        "pair": prepared.pair.name,
        "method": name,
        "trained": trained,
        "truth": "pan" if prepared.pair.panchromatic else "bands",
        "gain": 10 * math.log10(ratio),
        "missed": found.missed,
        "correlation": found.correlation,
        "rows": prepared.registration[0],
        "columns": prepared.registration[1],
        "pixels": int(prepared.used.sum()),
        **dict.fromkeys(CONDITIONS, ""),
    }


def _options(parameters: PairsParameters, weights: Weights, accelerator: str) -> Any:
    """Return the options of a network; one that can be told nothing is told nothing."""
    told = {name: getattr(parameters, name) for name in CONDITIONS} if weights.conditioned else {}
    return make_options(device=accelerator, sharpness=parameters.sharpness, **told)


def _network(upscaler: Upscaler) -> Upscale:
    def upscale(bands: Array) -> tuple[Array, dict[str, str]]:
        result = upscale_array(upscaler, bands)
        told = {key: value for key, value in result.made_with.items() if key in CONDITIONS}
        return result.values, told

    return upscale


def _upscale_plainly(
    method: Method, bands: Array, *, accelerator: str
) -> tuple[Array, dict[str, str]]:
    scene = ArrayScene(bands)
    target = ArrayTarget(scene)
    upscale_scene(
        scene,
        target,
        method.network(len(bands), accelerator),
        value_range=choose_range("auto", scene),
    )
    invalid = np.ma.getmaskarray(bands).repeat(2, 1).repeat(2, 2)
    return np.ma.MaskedArray(target.values, mask=invalid), {}


def _floats(image: Array) -> Array:
    """Return an image as float64, NaN where there is no data."""
    return np.ma.filled(image.astype(np.float64), math.nan)
