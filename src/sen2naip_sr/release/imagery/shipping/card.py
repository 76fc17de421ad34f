"""The model card of a network that was trained on varied imagery."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from sen2naip_sr.evaluation.columns import markdown
from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.models.cost import multiply_adds_per_pixel
from sen2naip_sr.release.calibrate import intervals_section
from sen2naip_sr.release.imagery.shipping import degraded
from sen2naip_sr.release.imagery.shipping.clean import OTHERS
from sen2naip_sr.release.imagery.shipping.places import imagery_of
from sen2naip_sr.training.mixture.images import location_of
from sen2naip_sr.weights.calibration import Calibration
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.scores import Clean, PlaceScores, Scores

CARD = Path(__file__).with_name("card.md")
"""The template."""


def model_card(  # noqa: PLR0913 - the last two are keywords
    weights: Weights,
    scores: Scores,
    name: str,
    calibration: Calibration,
    *,
    size: int,
    most: int | None,
) -> str:
    """Return the model card, in Markdown.

    Args:
        weights: As they are stored.
        scores: What was measured.
        name: The name of the weights.
        calibration: That of their intervals.
        size: Of their file, in bytes.
        most: Images of a place that were scored at most. None: all.
    """
    known, model = weights.metadata, weights.build()
    values = known.model_dump() | {
        "name": name,
        "parameters": sum(tensor.numel() for tensor in weights.state.values()),
        "multiply_adds": int(multiply_adds_per_pixel(model, known.bands)),
        "speed": scores.megapixels_a_second,
        "measured_on": scores.measured_on,
        "megabytes": size / 1e6,
        "sha256": scores.sha256,
        "half_precision": scores.half_precision_change_db,
        "checked_on": scores.calibrated_on[0],
        "in_8_bits": _in_8_bits(scores.places),
        "command": "distil" if "kept" in known.training else "train",
        "validation": known.training["validation"],
        "started_from": known.started_from or "random weights",
        "training": json.dumps(known.model_dump(mode="json")["training"], indent=1),
        "selection": f"At most {most} images of a place, spread evenly." if most else "",
        "kinds": max(place.degraded.kinds for place in scores.places),
        "degradations": degraded.WORDS,
        "scene": degraded.SCENE,
        "scored": degraded.SCORED,
        "inside": degraded.INSIDE,
    }
    tables = {
        "trained": _trained(known.train_places),
        "clean": _clean(scores.places),
        "metrics": _metrics(scores.places),
        "degraded": _degraded(scores.places),
        "intervals": intervals_section(calibration, _covered(scores.places)),
        "attribution": _attribution([*known.train_places, *scores.calibrated_on]),
    }
    return CARD.read_text(encoding="utf-8").format(**values | tables)


def _trained(places: Sequence[str]) -> str:
    dates: dict[str, list[str]] = {}
    for place in places:
        location = location_of(place)
        dates.setdefault(location, []).append(place.removeprefix(location).strip("-_"))
    rows = []
    for location, known in dates.items():
        found = imagery_of(location)
        when = ", ".join(filter(None, known)) or "-"
        rows.append([location, when, found.sensor, found.land_cover, found.source, found.licence])
    return markdown(["location", "dates", "sensor", "land cover", "source", "licence"], rows)


def _attribution(places: Sequence[str]) -> str:
    texts = dict.fromkeys(text for place in places for text in imagery_of(place).attribution)
    return "\n".join(f"- {text}" for text in texts)


def _clean(places: Sequence[PlaceScores]) -> str:
    reductions = [clean.reduction for clean in places[0].clean]
    heads = ["place", "sensor", "images", *(_pixels(factor) for factor in reductions)]
    rows = [
        [
            place.place,
            place.sensor,
            str(place.clean[0].images),
            *(_gain(clean.over_lanczos, clean.over_best) for clean in place.clean),
        ]
        for place in places
    ]
    means = [
        _gain(fmean(c.over_lanczos for c in column), fmean(c.over_best for c in column))
        for column in zip(*(place.clean for place in places), strict=True)
    ]
    return markdown(heads, [*rows, ["mean of places", "", "", *means]])


def _gain(over_lanczos: float, over_best: float) -> str:
    return f"{over_lanczos:+.2f} ({over_best:+.2f})"


def _pixels(reduction: int) -> str:
    return "own pixel size" if reduction == 1 else f"{reduction} x as large"


def _in_8_bits(places: Sequence[PlaceScores]) -> str:
    """Return a row of the first table, if 8 bits are possible."""
    changes = {
        place.place: clean.change_in_8_bits
        for place in places
        for clean in place.clean[:1]
        if clean.change_in_8_bits is not None
    }
    if not changes:
        return ""
    worst = min(changes, key=lambda place: changes[place])
    mean = fmean(changes.values())
    faint = [place.place for place in places if place.place not in changes]
    rest = f"; {', '.join(faint)}: faint, computed in float32" if faint else ""
    return (
        f"| 8 bits | change PSNR by {mean:+.3f} dB on average of the test places, by "
        f"{changes[worst]:+.3f} dB on {worst}{rest} |\n"
    )


def _metrics(places: Sequence[PlaceScores]) -> str:
    heads = ["place", "PSNR dB", *(METRICS[key].heading for key in OTHERS)]
    return markdown(heads, [[place.place, *_compared(place.clean[0])] for place in places])


def _compared(clean: Clean) -> list[str]:
    cells = [f"{clean.psnr - clean.over_lanczos:.2f}, {clean.psnr:.2f}"]
    for key in OTHERS:
        template = METRICS[key].template
        cells.append(f"{template.format(**clean.lanczos)}, {template.format(**clean.metrics)}")
    return cells


def _degraded(places: Sequence[PlaceScores]) -> str:
    heads = ["place", "told", "least", "automatic", "least", "kinds below"]
    rows = [
        [
            place.place,
            f"{found.told:+.2f}",
            f"{found.told_least:+.2f}",
            f"{found.auto:+.2f}",
            f"{found.auto_least:+.2f}",
            f"{found.auto_below:.0%}",
        ]
        for place in places
        for found in (place.degraded,)
    ]
    return markdown(heads, rows)


def _covered(places: Sequence[PlaceScores]) -> dict[str, float]:
    return {place.place: place.coverage for place in places if place.coverage is not None}
