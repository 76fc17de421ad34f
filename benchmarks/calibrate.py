"""Calibrate the intervals of all weights that the project ships.

    python benchmarks/calibrate.py --data FOLDER [--cache FOLDER]

The validation chips of conf/naip calibrate them; what share of the test chips' pixels they cover
is recorded in scores.json and the cards. benchmarks/ship.py does the same for the weights it ships.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from card import model_card
from naip import Chips, make_chips

from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.uncertainty import Calibration, coverage
from sen2naip_sr.training.checkpoint import replacing
from sen2naip_sr.weights.calibration import calibrate_weights, calibration_path
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import FOLDER

SCORES = "scores.json"


def calibrate_file(path: Path, chips: Chips) -> dict[str, Any]:
    """Write the calibration of a weights file beside it.

    Returns:
        Label of the weights, level, and the share of the truth's pixels on the test chips that the
        intervals cover: over all chips, in each place, and in each band.
    """
    weights = load_weights(path)
    calibration = calibrate_weights(weights, chips.hr, chips.lr, chips.splits)
    with replacing(calibration_path(path)) as stream:
        stream.write((calibration.model_dump_json(indent=1) + "\n").encode())
    return {"label": weights.label, "interval": covered(weights, calibration, chips)}


def covered(weights: Weights, calibration: Calibration, chips: Chips) -> dict[str, Any]:
    """Return the level and the coverage on the test chips."""
    tested = chips.tested["chip"].to_numpy()
    network = make_network(weights.build(), bands=weights.metadata.bands)
    shares = coverage(
        network,
        (chips.hr.chips[chip] for chip in tested),
        (chips.lr.chips[chip] for chip in tested),
        calibration,
    )
    places = chips.tested["place"].to_numpy()
    return {
        "level": calibration.level,
        "all": round(float(shares.mean()), 4),
        "bands": [round(float(share), 4) for share in shares.mean(axis=0)],
        "places": {
            str(place): round(float(shares[places == place].mean()), 4)
            for place in sorted(set(places))
        },
    }


def main() -> None:
    """Calibrate every shipped weights file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="GeoTIFFs, one folder a place")
    parser.add_argument("--cache", type=Path, help="keep the chips here for the next time")
    parser.add_argument("--target", type=Path, default=FOLDER, help="the shipped weights' folder")
    parser.add_argument("models", nargs="*", help="only these")
    given = parser.parse_args()
    scores = json.loads((given.target / SCORES).read_text())
    with tempfile.TemporaryDirectory() as scratch:
        chips = make_chips(given.data, (given.cache or Path(scratch)) / "native")
        for name in given.models or scores:
            path = given.target / f"{name}.safetensors"
            scores[name] |= calibrate_file(path, chips)
            print(f"{name}: {scores[name]['interval']}", flush=True)
            with replacing(given.target / f"{name}.md") as stream:
                card = model_card(load_weights(path), scores[name], chips.validation_places)
                stream.write(card.encode())
    with replacing(given.target / SCORES) as stream:
        text = json.dumps(scores, indent=1, sort_keys=True, allow_nan=False)
        stream.write((text + "\n").encode())


if __name__ == "__main__":
    main()
