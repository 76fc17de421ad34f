import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_intervals import calibration
from tiny_weights import write_weights

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.calibrate import (
    calibrate_weights,
    intervals_section,
    with_intervals,
)
from sen2naip_sr.weights.calibration import (
    Calibration,
    load_calibration,
    save_calibration,
)
from sen2naip_sr.weights.files import load_weights
from sen2naip_sr.weights.shipped import FOLDER, load_shipped


def chips(count, side, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 4, side, side), dtype=np.uint8)
    return SimpleNamespace(chips=pixels, attributes={"value_range": [0, 255]})


def splits(count, validation):
    names = ["validation"] * validation + ["train"] * (count - validation)
    places = ["here" if number % 2 else "there" for number in range(count)]
    return pd.DataFrame({"chip": range(count), "split": names, "place": places})


def test_is_made_of_the_validation_chips_and_found_beside_the_weights(tmp_path):
    path = write_weights(tmp_path / "lean.safetensors")
    weights = load_weights(path)
    made = calibrate_weights(weights, chips(12, 64), splits(12, 10))
    assert (made.places, made.reductions) == (("here", "there"), (1, 2))
    assert (made.images, made.weights, made.level) == (20, weights.label, 0.9)
    save_calibration(path, made)
    assert load_calibration(weights) == made


def test_too_few_validation_chips_are_refused(tmp_path):
    weights = load_weights(write_weights(tmp_path / "lean.safetensors"))
    with pytest.raises(UserError, match="2 chips are too few"):
        calibrate_weights(weights, chips(4, 40), splits(4, 2))


def test_a_card_gets_another_section_and_keeps_the_others():
    card = "# A\n\n## Intervals\n\nold\nlines\n\n## Limits\n\nmany\n"
    section = intervals_section(calibration(sensors=("NAIP, 1 m",)), {"oh-brown": 0.912})
    found = with_intervals(card, section)
    assert found.startswith("# A\n\n## Intervals\n\nThe intervals around")
    assert found.endswith("promised.\n\n## Limits\n\nmany\n")
    assert "oh-brown 91.2%" in found and "NAIP, 1 m" in found and "old" not in found


@pytest.mark.parametrize("model", json.loads((FOLDER / "scores.json").read_text()))
def test_shipped_weights_come_with_theirs(model):
    weights = load_shipped(model)
    assert weights
    found = load_calibration(weights)
    assert isinstance(found, Calibration)
    recorded = json.loads((FOLDER / "scores.json").read_text())[model]
    assert recorded["label"] == weights.label
    assert recorded["interval"]["level"] == found.level
