"""Scores of methods on test sets, image by image."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.degradation import Recipe, get_recipe
from sen2naip_sr.evaluation.methods import Method, interpolations, network_for
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.place_parameters import PlaceParameters
from sen2naip_sr.evaluation.references import shipped_references
from sen2naip_sr.evaluation.scoring import score_image
from sen2naip_sr.evaluation.seen import place_seen
from sen2naip_sr.evaluation.test_sets.images import content_of_files, find_files, images
from sen2naip_sr.inference.network import Network
from sen2naip_sr.metrics.catalogue import COMPUTED, QUICK
from sen2naip_sr.progress import track
from sen2naip_sr.sources.base import PathFile

logger = logging.getLogger(__name__)

PIXEL, SENSOR, PLACE = "pixel_metres", "sensor", "place"
COLUMNS = [
    *(SENSOR, PLACE, PIXEL, "method", "trained", "origin", "chip", "location", "band"),
    *(*COMPUTED, "seconds_per_megapixel"),
]
"""The columns of the scores of test sets."""


def score_test_sets(networks: Sequence[Method], parameters: EvaluationParameters) -> pd.DataFrame:
    """Score interpolations, the best methods without a network, and networks on every test set.

    A network is left out, with a warning, where it has other bands, another recipe, or was trained
    on the place, by its name or by its ground.

    Args:
        networks: The networks, peers among them.
        parameters: The test sets, and how they are scored.

    Returns:
        One row for each method, image and band, with `COLUMNS`. The costly metrics are NaN.

    Raises:
        UserError: If a test set's files are missing or none can be used.
    """
    recipe, folder = get_recipe(parameters.recipe), Path(parameters.folder)
    # all are looked for before anything is scored, which takes minutes
    found = {
        name: find_files(name, place, folder, parameters.chips)
        for name, place in parameters.test_sets.items()
    }
    rows: list[dict[str, Any]] = []
    for name, files in found.items():
        place = parameters.test_sets[name]
        bands = len(place.bands)
        fitting = interpolations(bands) + shipped_references(bands, recipe)
        shown = content_of_files(files, place.bands) if any(m.weights for m in networks) else None
        fitting += [m for m in networks if _fits(m, name, files, place, recipe, shown)]
        made = {m.name: m.network(bands, parameters.accelerator) for m in fitting}
        for factor in place.reduce:
            head = {SENSOR: place.sensor, PLACE: name, PIXEL: _pixel(place, factor)}
            scored = _score(fitting, made, name, files, factor, recipe, parameters)
            rows.extend(head | row for row in scored)
    return pd.DataFrame(rows, columns=COLUMNS)


def _score(  # noqa: PLR0913, PLR0917
    methods: Sequence[Method],
    made: Mapping[str, Network],
    name: str,
    files: Sequence[PathFile],
    factor: int,
    recipe: Recipe,
    parameters: EvaluationParameters,
) -> Iterator[dict[str, Any]]:
    place, device = parameters.test_sets[name], parameters.accelerator
    bands = [f"band {number}" for number in place.bands]
    found = images(name, place, files, factor, recipe)
    for chip, image in enumerate(track(found, f"Scoring {name}", len(files))):
        for method in methods:
            told = network_for(method, image.small, image.value_range, device, image.valid)
            scores = score_image(
                told or made[method.name],
                image.truth,
                image.small,
                image.value_range,
                recipe,
                bands=bands,
                only=QUICK,
                scored=image.scored,
                valid=image.valid,
            )
            head = {"method": method.name, "trained": method.trained, "origin": method.origin}
            head |= {"chip": chip, "location": image.location}
            yield from (head | row for row in scores)


def _pixel(place: PlaceParameters, factor: int) -> float | None:
    return None if place.pixel_metres is None else factor * place.pixel_metres


def _fits(  # noqa: PLR0913, PLR0917 - what weights must fit
    method: Method,
    name: str,
    files: Sequence[PathFile],
    place: PlaceParameters,
    recipe: Recipe,
    shown: tuple[Footprints, Array] | None,
) -> bool:
    if method.weights is None or shown is None:
        return True
    known = method.weights.metadata
    places = {name, *(part for file in files for part in (*file.path.parts[:-1], file.path.stem))}
    by_name = place_seen(known, places)
    problem = None
    if known.bands != len(place.bands):
        problem = f"it was trained with {known.bands} bands, not {len(place.bands)}"
    elif known.recipe != recipe.id:
        problem = f"it was trained with the downscaling recipe {known.recipe}, not {recipe.id}"
    elif by_name:
        problem = f"it was trained on {by_name}"
    elif known.seen is not None and (count := int(known.seen.shows(*shown).sum())):
        problem = f"it was trained on ground that {count} of its files show"
    if problem:
        logger.warning("%s is not scored on %s: %s", method.name, name, problem)
    return problem is None
