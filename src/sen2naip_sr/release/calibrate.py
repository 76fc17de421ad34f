"""Calibrate the intervals of weights, and all weights that the project ships.

    python -m sen2naip_sr.release.calibrate --data FOLDER [--cache FOLDER] [NETWORK ...]

The validation chips of conf/naip calibrate the intervals. The share of the test chips' pixels that
the intervals cover is recorded in scores.json and in the model cards. `sen2naip_sr.release.ship`
does the same for the weights that it ships.
"""

import argparse
import json
import logging
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.chips.store import Store
from sen2naip_sr.files import write_atomically
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.uncertainty import calibrate, coverage
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.progress import track
from sen2naip_sr.release.benchmark import Chips, make_chips
from sen2naip_sr.release.card import model_card
from sen2naip_sr.weights.calibration import Calibration, save_calibration
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import FOLDER

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

LEVEL = 0.9
"""Share of the true pixels that intervals are to cover."""

SCORES = "scores.json"
"""The file beside the shipped weights that records what is known of each."""


def calibrate_weights(
    weights: Weights, hr: Store, lr: Store, splits: "pd.DataFrame"
) -> Calibration:
    """Calibrate weights on the validation chips.

    Args:
        weights: The weights that predict.
        hr: HR chips, the truth.
        lr: LR chips.
        splits: The split of every chip.

    Raises:
        UserError: If there are too few validation chips, or the weights are for other bands.
    """
    chips = splits.loc[splits["split"] == VALIDATION, "chip"].to_numpy()
    return calibrate_on(
        weights,
        (hr.chips[chip] for chip in track(chips, "Calibrating", len(chips))),
        (lr.chips[chip] for chip in chips),
        tuple(hr.attributes["value_range"]),
    )


def calibrate_on(
    weights: Weights, hr: Iterable[Array], lr: Iterable[Array], value_range: ValueRange
) -> Calibration:
    """Calibrate weights on images that they were not trained on; see `calibrate`."""
    network = make_network(weights.build(), bands=weights.metadata.bands)
    return calibrate(network, hr, lr, value_range, LEVEL, weights=weights.label)


def calibrate_file(path: Path, chips: Chips) -> dict[str, Any]:
    """Write the calibration of a weights file beside it.

    Returns:
        ``label``: the label of the weights. ``interval``: the level, and the share of the test
        chips' true pixels that the intervals cover, over all chips, by place and by band.
    """
    weights = load_weights(path)
    calibration = calibrate_weights(weights, chips.hr, chips.lr, chips.splits)
    save_calibration(path, calibration)
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


def read_scores(folder: Path) -> dict[str, Any]:
    """Return the records of the weights in a folder, by network."""
    file = folder / SCORES
    return json.loads(file.read_text()) if file.exists() else {}


def write_scores(folder: Path, records: Mapping[str, Any]) -> None:
    """Write the records of the weights in a folder, by network."""
    text = json.dumps(records, indent=1, sort_keys=True, allow_nan=False)
    write_atomically(folder / SCORES, (text + "\n").encode())


def main() -> None:
    """Calibrate the shipped weights files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="GeoTIFFs, one folder per place")
    parser.add_argument("--cache", type=Path, help="keep the chips here for the next time")
    parser.add_argument("--target", type=Path, default=FOLDER, help="the shipped weights' folder")
    parser.add_argument("networks", nargs="*", help="calibrate only these")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    records = read_scores(given.target)
    with tempfile.TemporaryDirectory() as scratch:
        chips = make_chips(given.data, (given.cache or Path(scratch)) / "native")
        for name in given.networks or records:
            path = given.target / f"{name}.safetensors"
            records[name] |= calibrate_file(path, chips)
            logger.info("%s: %s", name, records[name]["interval"])
            card = model_card(load_weights(path), records[name], chips.validation_places)
            write_atomically(given.target / f"{name}.md", card.encode())
    write_scores(given.target, records)


if __name__ == "__main__":
    main()
