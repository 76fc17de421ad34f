"""Scores with known values, without any prediction."""

import pandas as pd

from sen2naip_sr.evaluation.comparison import MEANS


def make_scores(psnr, places=None, locations=None, trained=("carn",), **others):
    """Return scores over all bands: ``psnr`` maps methods to a value a chip."""
    rows = []
    for method, values in psnr.items():
        for chip, value in enumerate(values):
            rows.append(
                {
                    "method": method,
                    "trained": method in trained,
                    "chip": chip,
                    "place": places[chip] if places else "somewhere",
                    "location": locations[chip] if locations else f"l{chip}",
                    "band": "all",
                    "psnr": value,
                    **dict.fromkeys(MEANS, 0.5),
                    "seconds_per_megapixel": 1.0 + chip,
                    **others,
                }
            )
    return pd.DataFrame(rows)
