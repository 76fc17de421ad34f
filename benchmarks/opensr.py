"""The metrics of opensr-test at every place of conf/places; needs the package opensr-test."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from places import parameters

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE, get_recipe
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.test_sets.images import Image, find_files, images
from sen2naip_sr.evaluation.test_sets.networks import all_networks
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.values import ValueRange, normalise
from sen2naip_sr.weights.shipped import load_shipped

INTERPOLATION = "lanczos"
SIDE = 512
"""Largest side of the part of an image that is compared, in HR pixels."""


def measure(
    root: Path, data: Path, peers: Mapping[str, str], chips: int | None
) -> dict[str, Any] | None:
    """Return the means over places, None without opensr-test; see `places.measure`."""
    if find_spec("opensr_test") is None:
        return None
    from opensr_test import Metrics

    p = parameters(root, data, peers)
    shipped = {name: load_shipped(name) for name in p.networks or []}
    methods = [m for m in interpolations(4) if m.name == INTERPOLATION] + all_networks(p, shipped)
    networks = {method.name: method.network(4, "cpu") for method in methods}
    metrics, recipe, rows = Metrics(), get_recipe(p.recipe), []
    for name, place in p.test_sets.items():
        files = find_files(name, place, Path(p.folder), chips)
        for image in images(name, place, files, 1, recipe):
            lr, hr = _middle(image)
            for method, network in networks.items():
                sr = predict(network, lr[None], image.value_range)[0]
                scaled = [_tensor(each, image.value_range) for each in (lr, sr, hr)]
                found = metrics.compute(**dict(zip(("lr", "sr", "hr"), scaled, strict=True)))
                rows.append({"place": name, "method": method, **found})
        print(name, flush=True)
    by_place = pd.DataFrame(rows).groupby(["method", "place"], sort=False).mean()
    count = len(rows) // len(networks)
    means = by_place.groupby("method", sort=False).mean().round(6).reset_index()
    return {
        "images": count,
        "rows": means.to_dict("records"),
        "places": by_place.round(6).reset_index().to_dict("records"),
    }


def _middle(image: Image) -> tuple[Array, Array]:
    """Return the middle of LR and truth."""
    height, width = image.small.shape[1:]
    side = SIDE // SCALE
    rows, columns = min(side, height), min(side, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    lr = image.small[:, top : top + rows, left : left + columns]
    hr = image.truth[:, SCALE * top : SCALE * (top + rows), SCALE * left : SCALE * (left + columns)]
    return np.ascontiguousarray(lr), np.ascontiguousarray(hr)


def _tensor(values: Array, value_range: ValueRange) -> torch.Tensor:
    return torch.from_numpy(normalise(values, value_range))
