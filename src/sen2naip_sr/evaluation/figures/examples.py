"""A few test chips, upscaled by the best methods."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from affine import Affine
from rasterio.crs import CRS

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.methods import Method, network_for
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.raster.geotiff import Raster


@dataclass(frozen=True)
class Example:
    """One chip, upscaled by two methods.

    Attributes:
        chip: Its number.
        place: Its place.
        lr: (C, h, w) digital numbers.
        interpolation: (C, 2h, 2w) of the best interpolation.
        network: (C, 2h, 2w) of the best network; of the second-best interpolation if there is no
            network.
        truth: (C, 2h, 2w).
    """

    chip: int
    place: str
    lr: Array
    interpolation: Array
    network: Array
    truth: Array


def best_network(comparison: pd.DataFrame, methods: Sequence[Method], interpolation: str) -> str:
    """Return the best network that this run trained, by PSNR; without one, the best network.

    Without any network, it is the second-best interpolation.
    """
    trained = [method.name for method in methods if method.trained]
    own = [method.name for method in methods if method.trained and not method.origin]
    trained = own if comparison["method"].isin(own).any() else trained
    ranked = comparison["method"]
    candidates = ranked[ranked.isin(trained)] if trained else ranked[ranked != interpolation]
    return str(candidates.iloc[0])


def choose_chips(scores: pd.DataFrame, method: str, count: int) -> list[int]:
    """Choose chips of as many places as possible, spread over the difficulties within a place.

    Difficulty is measured by the PSNR of ``method``; the hardest place comes first.
    """
    joint = scores[(scores["band"] == ALL_BANDS) & (scores["method"] == method)]
    ranked = joint.sort_values(["psnr", "chip"])
    places = joint.groupby("place")["psnr"].mean().sort_values().index
    wanted = dict.fromkeys(places, 0)
    for place in islice(_in_turn(ranked["place"].value_counts()[places]), count):
        wanted[place] += 1
    return [
        int(chip)
        for place, number in wanted.items()
        for chip in _middles(ranked.loc[ranked["place"] == place, "chip"].to_numpy(), number)
    ]


def make_examples(
    chips: Sequence[int], names: tuple[str, str], methods: Sequence[Method], hr: Store, lr: Store
) -> list[Example]:
    """Upscale chips by two methods: ``names`` are the interpolation's and the network's."""
    by_name = {method.name: method for method in methods}
    value_range = hr.attributes["value_range"]
    places = hr.table("index").set_index("chip")["place"]

    return [
        Example(
            chip=chip,
            place=str(places[chip]),
            lr=lr.chips[chip],
            interpolation=upscale(by_name[names[0]], lr.chips[chip], value_range),
            network=upscale(by_name[names[1]], lr.chips[chip], value_range),
            truth=hr.chips[chip],
        )
        for chip in chips
    ]


def upscale(method: Method, lr: Array, value_range: tuple[float, float]) -> Array:
    """Upscale one chip (C, h, w), of any real dtype, on the CPU: (C, 2h, 2w) of the same dtype."""
    network = network_for(method, lr, value_range, "cpu") or method.network(len(lr), "cpu")
    (upscaled,) = predict(network, lr[None], value_range)
    return upscaled.astype(lr.dtype)


def to_rasters(example: Example, names: tuple[str, str], hr: Store) -> dict[str, Raster]:
    """Return a chip's LR image, both predictions and truth, georeferenced."""
    row = hr.table("index").set_index("chip").loc[example.chip]
    truth = Raster(
        pixels=example.truth,
        transform=Affine(*json.loads(str(row["transform"]))),
        crs=CRS.from_user_input(row["crs"]) if row["crs"] else None,
        bands=tuple(hr.attributes["bands"]),
    )
    return {
        "lr": truth.rescaled(example.lr),
        names[0]: truth.rescaled(example.interpolation),
        names[1]: truth.rescaled(example.network),
        "truth": truth,
    }


def _in_turn(counts: pd.Series) -> Iterator[str]:
    """Yield the places in turn, each as often as it has chips."""
    for number in range(int(counts.max())):
        yield from counts.index[counts > number]


def _middles(ordered: Array, count: int) -> Array:
    """Return the middle of each of ``count`` equal parts: neither the first nor the last."""
    at = (np.arange(count) + 0.5) / max(count, 1) * len(ordered)
    chosen: Array = ordered[at.astype(int)]
    return chosen
