"""A few test chips as the best methods show them."""

import json
from collections.abc import Sequence

import pandas as pd
import torch
from affine import Affine
from rasterio.crs import CRS

from sen2naip_sr.evaluation.figure import Example
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.raster.geotiff import Raster
from sen2naip_sr.raster.shards import Array
from sen2naip_sr.raster.store import Store


def best_network(
    comparison: pd.DataFrame, methods: Sequence[Method], interpolation: str
) -> str:
    """Return the network with the best PSNR; without any, the next best interpolation."""
    trained = [method.name for method in methods if method.trained]
    ranked = comparison["method"]
    candidates = ranked[ranked.isin(trained)] if trained else ranked[ranked != interpolation]
    return str(candidates.iloc[0])


def make_examples(
    chips: Sequence[int], names: tuple[str, str], methods: Sequence[Method], hr: Store, lr: Store
) -> list[Example]:
    """Predict chips by two methods.

    Args:
        chips: Their numbers.
        names: The interpolation's and the network's name.
        methods: Among them those two.
        hr: HR chips.
        lr: LR chips.
    """
    by_name = {method.name: method for method in methods}
    low, high = hr.attributes["value_range"]
    places = hr.table("index").set_index("chip")["place"]

    def predicted(name: str, small: Array) -> Array:
        model = by_name[name].model.cpu()
        upscaled = predict(model, small[None], (low, high), torch.device("cpu"))[0]
        return upscaled.numpy().astype(small.dtype)

    return [
        Example(
            chip=chip,
            place=str(places[chip]),
            lr=lr.chips[chip],
            interpolation=predicted(names[0], lr.chips[chip]),
            network=predicted(names[1], lr.chips[chip]),
            truth=hr.chips[chip],
        )
        for chip in chips
    ]


def to_rasters(example: Example, names: tuple[str, str], hr: Store) -> dict[str, Raster]:
    """Return a chip's LR image, both predictions and truth, on the ground where it lies."""
    row = hr.table("index").set_index("chip").loc[example.chip]
    truth = Raster(
        pixels=example.truth,
        transform=Affine(*json.loads(row["transform"])),
        crs=CRS.from_user_input(row["crs"]) if row["crs"] else None,
        bands=tuple(hr.attributes["bands"]),
    )
    return {
        "lr": truth.rescaled(example.lr),
        names[0]: truth.rescaled(example.interpolation),
        names[1]: truth.rescaled(example.network),
        "truth": truth,
    }
