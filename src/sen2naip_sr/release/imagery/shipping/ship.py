"""Ship the networks that were trained on varied imagery, with cards, scores and calibrations."""

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sen2naip_sr.chips.splits import spread
from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.inference.faintness import is_faint
from sen2naip_sr.inference.network import Network, make_network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.speed import measure_speed
from sen2naip_sr.inference.values import normalise
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.models.quantisation import set_rounding
from sen2naip_sr.provenance import device_name
from sen2naip_sr.release.calibrate import CalibrationPlace, calibrate_on, interval_record
from sen2naip_sr.release.imagery.pack import name_of
from sen2naip_sr.release.imagery.shipping.card import model_card
from sen2naip_sr.release.imagery.shipping.clean import clean_scores
from sen2naip_sr.release.imagery.shipping.degraded import degraded_scores
from sen2naip_sr.release.imagery.shipping.header import completed, require_unseen, require_whole
from sen2naip_sr.release.imagery.shipping.images import TestedPlace
from sen2naip_sr.release.imagery.shipping.intervals import (
    SensorPlace,
    read_place,
    require_others,
)
from sen2naip_sr.release.imagery.shipping.places import imagery_of
from sen2naip_sr.release.imagery.training import TEACHER
from sen2naip_sr.weights.calibration import Calibration, save_calibration
from sen2naip_sr.weights.files import Weights, load_weights, save_weights
from sen2naip_sr.weights.names import SUFFIX
from sen2naip_sr.weights.scores import Clean, PlaceScores, Scores

logger = logging.getLogger(__name__)

REDUCTIONS = (1, 2, 4)
"""So many pixels become one on each axis before clean images are scored."""
MOST_CHANGE_DB = 0.005
"""Half precision may change the mean PSNR by less than this."""
_ROUNDING = "8 bits: "
CHECKED = 8
"""Images that half precision is checked on, at most."""
MOST_BYTES = 12_000_000
"""Size of all files in the folder of the shipped weights."""


@dataclass(frozen=True)
class Order:
    """What to ship, and what to measure.

    Attributes:
        trained: Folder of the trained weights, which are called as they are shipped.
        tests: Sensor in words, and folder or file, of each test place.
        calibration: What calibrates the intervals: sensor in words, and folder or file, of each
            place. Half precision is checked on the first.
        target: Folder of the shipped weights.
        images: Images of a test place to score, at most. None: all.
        commit: Completes the headers.
        packed: Packed imagery that completes the headers.
        force: Ship weights even if an interpolation is better at a place.
    """

    trained: Path
    tests: Sequence[SensorPlace]
    calibration: Sequence[SensorPlace]
    target: Path
    images: int | None = None
    commit: str | None = None
    packed: Path | None = None
    force: bool = False


def ship(order: Order) -> None:
    """Check and score trained weights, and write them with their cards into a folder.

    Raises:
        UserError: If a header is incomplete, a place was trained on, the licence of one that was
            is not recorded, an interpolation is better, or the files are too large.
    """
    found = {path.stem: load_weights(path) for path in _files(order.trained)}
    weights = {name: completed(w, order.commit, order.packed) for name, w in found.items()}
    places = [name_of(path) for _, path in order.tests]
    require_others(order.calibration, order.tests)
    for each in weights.values():
        require_whole(each)
        require_unseen(each, places)
        for place in each.metadata.train_places:
            imagery_of(place)
    sensor, path = order.calibration[0]
    checked = TestedPlace.read(path, sensor, CHECKED)
    stored = {name: _in_half_precision(each, checked) for name, each in weights.items()}
    halved = {name: each for name, (each, _) in stored.items()}
    calibrating = [read_place(place) for place in order.calibration]
    calibrations = {name: calibrate_on(each, calibrating) for name, each in halved.items()}
    scored = _score(halved, calibrations, order)
    for name, rows in scored.items():
        if not order.force:
            require_better(halved[name], rows)
    for name, rows in scored.items():
        _put(order, name, stored[name], calibrations[name], rows)
    _require_small(order.target)


def _files(folder: Path) -> list[Path]:
    """Return the weights files of a folder: their names are those that they are shipped under."""
    if not (files := sorted(folder.glob(f"*{SUFFIX}"))):
        raise UserError("weights-missing", f"{folder}: has no weights files", "train some first")
    return files


def require_better(weights: Weights, places: Sequence[PlaceScores]) -> None:
    """Check that the network is better than every interpolation on clean images of each place.

    Raises:
        UserError: If not.
    """
    for place in places:
        if (gain := place.clean[0].over_best) <= 0:
            raise UserError(
                "not-better",
                f"{weights.source}: {gain:+.2f} dB to {place.clean[0].best} on {place.place}",
                "train longer, or force it",
            )


def _score(
    weights: Mapping[str, Weights], calibrations: Mapping[str, Calibration], order: Order
) -> dict[str, list[PlaceScores]]:
    networks = {name: _network(each) for name, each in weights.items()}
    rounding = {_ROUNDING + n: _network(w, True) for n, w in weights.items() if w.quantised}
    found: dict[str, list[PlaceScores]] = {name: [] for name in weights}
    for sensor, path in order.tests:
        place = TestedPlace.read(path, sensor, order.images)
        logger.info("%s: %d images", place.name, len(place.truths))
        covering = read_place((sensor, path))
        clean = clean_scores(networks | ({} if _faint(place) else rounding), place, REDUCTIONS)
        degraded = degraded_scores(weights, place)
        for name in weights:
            covered = _coverage(weights[name], calibrations[name], covering)
            scores = PlaceScores(
                place=place.name,
                sensor=sensor,
                clean=_compared(clean[name], clean.get(_ROUNDING + name)),
                degraded=degraded[name],
                coverage=covered,
            )
            found[name].append(scores)
            gain, auto = scores.clean[0].over_lanczos, scores.degraded.auto
            logger.info("%s, %s: %+.2f dB; degraded %+.2f dB", place.name, name, gain, auto)
    return found


def _network(weights: Weights, rounding: bool = False) -> Network:
    network = weights.build()
    set_rounding(network, rounding)
    return make_network(network, bands=weights.metadata.bands, precision="float32")


def _faint(place: TestedPlace) -> bool:
    """Return whether a place is computed in float32 unless another precision is forced."""
    found = []
    for truth in place.truths:
        windows = torch.from_numpy(normalise(truth.downscaled(), truth.value_range))[None]
        found.append(is_faint(windows, truth.values.dtype, truth.value_range))
    return sum(found) > len(found) / 2


def _compared(floats: Sequence[Clean], rounded: Sequence[Clean] | None) -> tuple[Clean, ...]:
    """Return scores with what 8 bits change; the scores themselves if there are none in 8 bits."""
    if rounded is None:
        return tuple(floats)
    return tuple(
        own.model_copy(update={"change_in_8_bits": round(other.psnr - own.psnr, 4)})
        for own, other in zip(floats, rounded, strict=True)
    )


def _in_half_precision(weights: Weights, place: TestedPlace) -> tuple[Weights, float]:
    """Return weights in half precision, and the change in PSNR by it.

    Raises:
        UserError: If it changes too much.
    """
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in weights.state.items()
    }
    halved = replace(weights, state=state)
    before, after = (_mean_psnr(_network(each), place) for each in (weights, halved))
    change = after - before
    # after an overflow the difference is NaN, and this is false
    if not abs(change) < MOST_CHANGE_DB:
        raise UserError(
            "half-precision-differs",
            f"{weights.source}: half precision changes PSNR by {change:+.4f} dB",
            "train with smaller weights",
        )
    return halved, 0.0 if math.isclose(change, 0, abs_tol=5e-5) else round(change, 4)


def _mean_psnr(network: Network, place: TestedPlace) -> float:
    found = []
    for k in spread(np.arange(len(place.truths)), CHECKED):
        truth = place.truths[k]
        low, high = truth.value_range
        predicted = predict(network, truth.downscaled()[None], truth.value_range)
        images = (predicted.astype(np.float64), truth.values[None].astype(np.float64))
        scores = score(*map(torch.from_numpy, images), data_range=high - low, only=("psnr",))
        found.append(float(scores.chip["psnr"][0]))
    return float(np.mean(found))


def _coverage(weights: Weights, calibration: Calibration, place: CalibrationPlace) -> float:
    record = interval_record(weights, calibration, [place])
    return float(record["all"])


def _put(
    order: Order,
    name: str,
    stored: tuple[Weights, float],
    calibration: Calibration,
    places: Sequence[PlaceScores],
) -> None:
    """Write weights, calibration, scores and card."""
    weights, change = stored
    path = order.target / f"{name}{SUFFIX}"
    # the largest file, without loss
    save_weights(path, weights.state, weights.metadata, packed=name == TEACHER)
    save_calibration(path, calibration)
    network = make_network(weights.build(), bands=weights.metadata.bands)
    scores = Scores(
        label=weights.label,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        half_precision_change_db=change,
        calibrated_on=calibration.places,
        level=calibration.level,
        megapixels_a_second=round(measure_speed(network).megapixels, 3),
        measured_on=f"{device_name()}, {torch.get_num_threads()} threads",
        places=tuple(places),
    )
    scores.write(path)
    size = path.stat().st_size
    card = model_card(weights, scores, name, calibration, size=size, most=order.images)
    write_atomically(path.with_suffix(".md"), card.encode())


def _require_small(folder: Path) -> None:
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    logger.info("%s: %.2f MB", folder, size / 1e6)
    if size > MOST_BYTES:
        raise UserError(
            "weights-too-large",
            f"{folder}: {size:,} bytes, at most {MOST_BYTES:,} are shipped",
            "leave out a network, or ship a smaller one",
        )
