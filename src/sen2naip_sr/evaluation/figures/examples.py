"""A few test chips, upscaled by the methods that the figure shows."""

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
    """One chip, upscaled by a few methods.

    Attributes:
        chip: Its number.
        place: Its place.
        lr: (C, h, w) digital numbers.
        upscaled: (C, 2h, 2w) of every method, in their order; see `shown_methods`.
        truth: (C, 2h, 2w).
    """

    chip: int
    place: str
    lr: Array
    upscaled: tuple[Array, ...]
    truth: Array


def shown_methods(
    comparison: pd.DataFrame, methods: Sequence[Method], interpolation: str
) -> tuple[str, ...]:
    """Return the methods of the figure: an interpolation, this run's network, and the best one.

    This run's network is the best that it trained, by PSNR. The best network of all is added where
    that is another one. If the run trained none, the best network is shown alone, and without any
    network the second-best interpolation.
    """
    trained = [method.name for method in methods if method.trained]
    own = [method.name for method in methods if method.trained and not method.origin]
    ranked = [str(name) for name in comparison["method"]]
    networks = [name for name in ranked if name in trained]
    if not networks:
        return interpolation, next(name for name in ranked if name != interpolation)
    mine = [name for name in networks if name in own][:1]
    return tuple(dict.fromkeys([interpolation, *mine, networks[0]]))


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
    chips: Sequence[int], names: Sequence[str], methods: Sequence[Method], hr: Store, lr: Store
) -> list[Example]:
    """Upscale chips by the methods of these names."""
    by_name = {method.name: method for method in methods}
    value_range = hr.attributes["value_range"]
    places = hr.table("index").set_index("chip")["place"]

    return [
        Example(
            chip=chip,
            place=str(places[chip]),
            lr=lr.chips[chip],
            upscaled=tuple(upscale(by_name[name], lr.chips[chip], value_range) for name in names),
            truth=hr.chips[chip],
        )
        for chip in chips
    ]


def upscale(method: Method, lr: Array, value_range: tuple[float, float]) -> Array:
    """Upscale one chip (C, h, w), of any real dtype, on the CPU: (C, 2h, 2w) of the same dtype."""
    network = network_for(method, lr, value_range, "cpu") or method.network(len(lr), "cpu")
    (upscaled,) = predict(network, lr[None], value_range)
    return upscaled.astype(lr.dtype)


def to_rasters(example: Example, names: Sequence[str], hr: Store) -> dict[str, Raster]:
    """Return a chip's LR image, the predictions and truth, georeferenced."""
    row = hr.table("index").set_index("chip").loc[example.chip]
    truth = Raster(
        pixels=example.truth,
        transform=Affine(*json.loads(str(row["transform"]))),
        crs=CRS.from_user_input(row["crs"]) if row["crs"] else None,
        bands=tuple(hr.attributes["bands"]),
    )
    return {
        "lr": truth.rescaled(example.lr),
        **dict(zip(names, map(truth.rescaled, example.upscaled), strict=True)),
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
