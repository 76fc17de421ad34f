"""Fit the linear filter that comes with the project.

    python -m sen2naip_sr.release.linear PLACE [PLACE ...]

A PLACE is a folder of GeoTIFFs or a GeoTIFF, of training places only. All bands count alike. LR is
made by the benchmark's recipe.
"""

import argparse
import json
import logging
from pathlib import Path

from sen2naip_sr.files import write_atomically
from sen2naip_sr.models.linear import SHIPPED, LinearFit, first_phase
from sen2naip_sr.release.imagery.shipping.images import TestedPlace

logger = logging.getLogger(__name__)

STEP = 2
"""Every so many pixels of LR are taken on each axis."""
DIGITS = 6


def fitted(places: list[Path]) -> list[list[float]]:
    """Return the weights of the first phase, row by row.

    Raises:
        UserError: If a place has no image that is valid and large enough.
    """
    fit = LinearFit(1)
    for place in places:
        truths = TestedPlace.read(place, "", None).truths
        for truth in truths:
            for small, large in zip(truth.downscaled(), truth.values, strict=True):
                fit.add(small[None], large[None], STEP)
        logger.info("%s: %d images", place.name, len(truths))
    kernel = first_phase(fit.solve())
    return [[round(weight, DIGITS) for weight in row] for row in (kernel / kernel.sum()).tolist()]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", type=Path, nargs="+", metavar="PLACE")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = ",\n".join(f"  {json.dumps(row)}" for row in fitted(given.places))
    write_atomically(SHIPPED, f"[\n{rows}\n]\n".encode())


if __name__ == "__main__":
    main()
