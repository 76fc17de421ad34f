"""Explanations as tables: a row of numbers for each, and everything else in long form."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sen2naip_sr.explain.detail.frequency import above_nyquist
from sen2naip_sr.explain.explanation import Explanation, Image


def row_of(image: Image, found: Explanation) -> dict[str, Any]:
    """Return an explanation as a row of the table."""
    metres = image.pixel_metres or math.nan
    own, checks = found.matrices[0], found.checks
    correct = found.correctness
    frequencies = found.frequencies
    return {
        "image": image.name,
        "place": image.place,
        "role": image.role,
        "model": found.subject.name,
        "gain_db": found.psnr_gain,
        "column": found.window.left,
        "row": found.window.top,
        "height": found.window.height,
        "width": found.window.width,
        "land_cover": own.land_cover,
        "receptive_field": found.reach,
        "diffusion_index": found.spread.diffusion_index,
        "pixels_95": found.spread.pixels_95,
        "side_95_metres": found.spread.side_95 * metres,
        "radius": found.spread.radius,
        "radius_metres": found.spread.radius * metres,
        "outside": found.spread.outside,
        "own_band": float(np.diag(own.shares).mean()),
        "completeness_error": checks.completeness_error,
        "captum_correlation": checks.captum,
        "smoothgrad_rank_correlation": checks.smoothed,
        "random_rank_correlation": checks.random,
        "random_rank_correlation_magnitude": checks.random_magnitude,
        "restored": math.nan if frequencies is None else above_nyquist(frequencies, "restored"),
        "invented": math.nan if frequencies is None else above_nyquist(frequencies, "invented"),
        "improvement": correct.improvement if correct else math.nan,
        "omission": correct.omission if correct else math.nan,
        "hallucination": correct.hallucination if correct else math.nan,
        "consistency": found.consistency,
        "beyond_nyquist_db": found.beyond,
        "disagreement": found.disagreement,
        "seconds": found.seconds,
    }


def details_of(image: Image, found: Explanation) -> pd.DataFrame:
    """Return everything that is not one number: columns image, model, measure, group, name, value.

    ``measure`` is "band share" (group: land cover, name: "input > output"), "occlusion" (name: the
    band), "restored", "invented" and "gain" (group: the frequency), or the error's "distance to an
    edge", "brightness" and "land cover" (group; name: "rmse" or "share").
    """
    rows: list[tuple[str, str, str, float]] = []
    for matrix in found.matrices:
        rows += [
            ("band share", matrix.land_cover, f"{a} > {b}", float(matrix.shares[i, k]))
            for i, a in enumerate(image.bands)
            for k, b in enumerate(image.bands)
        ]
    rows += [
        ("occlusion", "", band, share)
        for band, share in zip(image.bands, found.checks.occlusion, strict=False)
    ]
    if found.frequencies is not None:
        for row in found.frequencies.to_dict("records"):
            frequency = f"{row['frequency']:.4f}"
            rows += [(key, frequency, "", row[key]) for key in ("restored", "invented", "gain")]
    if found.profiles is not None:
        for row in found.profiles.to_dict("records"):
            rows += [(row["measure"], row["group"], key, row[key]) for key in ("rmse", "share")]
    frame = pd.DataFrame(rows, columns=["measure", "group", "name", "value"])
    frame.insert(0, "model", found.subject.name)
    frame.insert(0, "image", image.name)
    return frame
