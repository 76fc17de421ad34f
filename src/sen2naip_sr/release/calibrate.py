"""Calibrate the intervals of weights on images that are cut into chips, and describe intervals.

`python -m sen2naip_sr.release.imagery calibrate` calibrates weights on folders of GeoTIFFs.
"""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sen2naip_sr.chips.splits import VALIDATION, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import SCALE, get_recipe, quantise
from sen2naip_sr.degradation.truth import reduced
from sen2naip_sr.files import write_atomically
from sen2naip_sr.inference.intervals.calibrate import Described, HrImage, ScoredScene, calibrate
from sen2naip_sr.inference.intervals.samples import SMALLEST
from sen2naip_sr.inference.network import Network, make_network
from sen2naip_sr.progress import track
from sen2naip_sr.release.benchmark import Chips
from sen2naip_sr.weights.calibration import Calibration, save_calibration
from sen2naip_sr.weights.files import Weights, load_weights

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.9
"""Share of the true pixels that intervals are to cover."""

REDUCTIONS = (1, 2, 4, 8)
"""So many pixels become one on each axis: scenes have pixels of many sizes."""

IMAGES = 24
"""Images of a place that are scored, at most. Places count, and more images change little."""

SCORES = "scores.json"
"""The file beside the shipped weights that records what is known of each."""


@dataclass(frozen=True)
class CalibrationPlace:
    """A place to calibrate or to test intervals on.

    Attributes:
        name: Its name.
        location: Equal for places with the same ground.
        sensor: Its sensor in words.
        images: HR images, with the digital numbers that become 0 and 1.
    """

    name: str
    location: str
    sensor: str
    images: Sequence[HrImage]


def scored_scenes(weights: Weights, place: CalibrationPlace) -> dict[int, ScoredScene]:
    """Return the errors of a network on a place, by reduction; without those that are too small."""
    network = plain_network(weights)
    recipe = get_recipe(weights.metadata.recipe.partition("@")[0])
    least = SCALE * SMALLEST * network.multiple
    found = {}
    for reduction in REDUCTIONS:
        images = [_coarser(image, reduction) for image in place.images]
        large = [image for image in images if min(image[0].shape[1:]) >= least]
        if large:
            found[reduction] = ScoredScene.of(network, recipe, large, place.location, reduction)
    return found


def plain_network(weights: Weights) -> Network:
    """Return the network of weights, told of clean images, in float32 on every machine."""
    return make_network(weights.build(), bands=weights.metadata.bands, precision="float32")


def calibrate_on(weights: Weights, places: Sequence[CalibrationPlace]) -> Calibration:
    """Calibrate weights on places at several pixel sizes; see `calibrate`.

    Raises:
        UserError: If the images are too few or too small.
    """
    named = ", ".join(dict.fromkeys(place.name for place in places))
    scenes = [
        (reduction, scene)
        for place in track(places, f"Calibrating on {named}", len(places))
        for reduction, scene in scored_scenes(weights, place).items()
    ]
    described = Described(
        bands=weights.metadata.bands,
        places=tuple(dict.fromkeys(place.name for place in places)),
        sensors=tuple(dict.fromkeys(place.sensor for place in places if place.sensor)),
        reductions=tuple(sorted({reduction for reduction, _ in scenes})),
        weights=weights.label,
    )
    return calibrate([scene for _, scene in scenes], LEVEL, described)


def calibrate_weights(weights: Weights, hr: Store, splits: "pd.DataFrame") -> Calibration:
    """Calibrate weights on the validation chips.

    Args:
        weights: The weights that predict.
        hr: HR chips, the truth.
        splits: The split of every chip.

    Raises:
        UserError: If there are too few validation chips, or the weights are for other bands.
    """
    return calibrate_on(weights, places_of(hr, splits[splits["split"] == VALIDATION]))


def places_of(hr: Store, rows: "pd.DataFrame") -> list[CalibrationPlace]:
    """Return the places of some chips, at most `IMAGES` of each."""
    value_range = tuple(hr.attributes["value_range"])
    places = []
    for name, group in rows.groupby("place"):
        chips = group["chip"].to_numpy()
        kept = chips[spread(np.arange(len(chips)), IMAGES)]
        images = [(np.asarray(hr.chips[chip]), value_range) for chip in kept]
        places.append(CalibrationPlace(str(name), str(name), "", images))
    return places


def calibrate_file(path: Path, chips: Chips) -> dict[str, Any]:
    """Write the calibration of a weights file beside it, made on the validation chips.

    Returns:
        ``label``: the label of the weights. ``interval``: what `interval_record` returns for the
        test chips.
    """
    weights = load_weights(path)
    calibration = calibrate_weights(weights, chips.hr, chips.splits)
    save_calibration(path, calibration)
    tested = places_of(chips.hr, chips.tested)
    return {"label": weights.label, "interval": interval_record(weights, calibration, tested)}


def interval_record(
    weights: Weights, calibration: Calibration, places: Iterable[CalibrationPlace]
) -> dict[str, Any]:
    """Return the level and the coverage of places: their mean and each, at their own pixel size."""
    network = plain_network(weights)
    recipe = get_recipe(weights.metadata.recipe.partition("@")[0])
    shares = {}
    for place in places:
        scene = ScoredScene.of(network, recipe, place.images, place.location)
        shares[place.name] = round(scene.coverage(calibration), 4)
    mean = round(float(np.mean(list(shares.values()))), 4) if shares else None
    return {"level": calibration.level, "all": mean, "places": shares}


def intervals_section(calibration: Calibration, covered: Mapping[str, float]) -> str:
    """Return what a model card says about intervals, in Markdown.

    Args:
        calibration: The calibration.
        covered: The share of the true pixels covered on clean images, by test place.
    """
    shares = ", ".join(f"{place} {share:.1%}" for place, share in covered.items())
    sensors = f" ({'; '.join(calibration.sensors)})" if calibration.sensors else ""
    coarser = ", ".join(map(str, calibration.reductions))
    text = (
        f"The intervals around results were calibrated on {calibration.images} clean images "
        f"of {', '.join(calibration.places)}{sensors}, with pixels {coarser} times as large, to "
        f"cover {calibration.level:.0%} of the true pixels. On clean images of the test places "
        f"they cover: {shares}. Of other sensors nothing is promised."
    )
    return textwrap.fill(text, 100, break_on_hyphens=False) + "\n"


def with_intervals(card: str, section: str) -> str:
    """Return a model card with another section about intervals."""
    return re.sub(r"(?<=^## Intervals\n\n).*?(?=\n## )", lambda _: section, card, flags=re.S | re.M)


def read_scores(folder: Path) -> dict[str, Any]:
    """Return the records of the weights in a folder, by network."""
    file = folder / SCORES
    return json.loads(file.read_text()) if file.exists() else {}


def write_scores(folder: Path, records: Mapping[str, Any]) -> None:
    """Write the records of the weights in a folder, by network."""
    text = json.dumps(records, indent=1, sort_keys=True, allow_nan=False)
    write_atomically(folder / SCORES, (text + "\n").encode())


def _coarser(image: HrImage, reduction: int) -> HrImage:
    """Return an image with larger pixels, by area mean, in its dtype."""
    values, value_range = image
    step = SCALE * reduction
    height, width = (length // step * step for length in values.shape[1:])
    if not min(height, width):
        return values[:, :0, :0], value_range
    whole = torch.from_numpy(values[None, :, :height, :width].astype(np.float64))
    stored = quantise(reduced(whole, reduction), values.dtype)[0]
    return stored.numpy().astype(values.dtype), value_range
