"""Calibrate weights on places, and record what their intervals cover on test places."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.release.calibrate import (
    IMAGES,
    CalibrationPlace,
    calibrate_on,
    interval_record,
    intervals_section,
    read_scores,
    with_intervals,
    write_scores,
)
from sen2naip_sr.release.imagery.pack import name_of
from sen2naip_sr.release.imagery.shipping.images import TestedPlace
from sen2naip_sr.training.mixture.images import location_of
from sen2naip_sr.weights.calibration import Calibration, save_calibration
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.scores import Scores

logger = logging.getLogger(__name__)

SensorPlace = tuple[str, Path]
"""A sensor in words, and a folder of GeoTIFFs or a GeoTIFF."""


@dataclass(frozen=True)
class CalibrationOrder:
    """What to calibrate, and on what.

    Attributes:
        files: The weights files.
        places: What calibrates them.
        tests: What their coverage is measured on.
        images: Images of a place, at most.
    """

    files: Sequence[Path]
    places: Sequence[SensorPlace]
    tests: Sequence[SensorPlace] = ()
    images: int = IMAGES


def calibrate_files(order: CalibrationOrder) -> None:
    """Write calibrations beside weights files, and the coverage into any scores and cards there.

    Raises:
        UserError: If a test place also calibrates, or there are too few images.
    """
    require_others(order.places, order.tests)
    places = [read_place(place, order.images) for place in order.places]
    tests = [read_place(place, order.images) for place in order.tests]
    for path in order.files:
        weights = load_weights(path)
        calibration = calibrate_on(weights, places)
        save_calibration(path, calibration)
        _record(path, weights, calibration, tests)


def read_place(place: SensorPlace, most: int = IMAGES) -> CalibrationPlace:
    """Read some images of a place.

    Raises:
        UserError: If it has none.
    """
    sensor, path = place
    truths = TestedPlace.read(path, sensor, most).truths
    name = name_of(path)
    images = [(truth.values, truth.value_range) for truth in truths]
    return CalibrationPlace(name, location_of(name), sensor, images)


def require_others(places: Sequence[SensorPlace], tests: Sequence[SensorPlace]) -> None:
    """Check that no test place shows the ground of a place that calibrates.

    Raises:
        UserError: If one does.
    """
    calibrating = {location_of(name_of(path)): name_of(path) for _, path in places}
    for _, path in tests:
        if seen := calibrating.get(location_of(name_of(path))):
            raise UserError(
                "test-place-seen",
                f"{seen} calibrates, and shows the same ground as {name_of(path)}",
                "leave one of them out",
            )


def _record(
    path: Path, weights: Weights, calibration: Calibration, tests: Sequence[CalibrationPlace]
) -> None:
    record = interval_record(weights, calibration, tests)
    logger.info("%s: %s", path, record)
    recorded = read_scores(path.parent)
    if path.stem in recorded:
        recorded[path.stem]["interval"] = record
        write_scores(path.parent, recorded)
    if scores := Scores.read(path):
        _with_coverage(scores, calibration, record["places"]).write(path)
    card = path.with_suffix(".md")
    if card.exists():
        section = intervals_section(calibration, record["places"])
        text = with_intervals(card.read_text(encoding="utf-8"), section)
        write_atomically(card, text.encode())


def _with_coverage(scores: Scores, calibration: Calibration, covered: dict[str, float]) -> Scores:
    places = tuple(
        place.model_copy(update={"coverage": covered.get(place.place, place.coverage)})
        for place in scores.places
    )
    changes = {"calibrated_on": calibration.places, "places": places}
    return scores.model_copy(update=changes)
