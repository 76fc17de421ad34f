"""Networks of a tiny training are shipped, and what is shipped is what it says."""

import hashlib
import json
from pathlib import Path

import pytest
import rasterio
import torch

from sen2naip_sr.release.imagery.__main__ import main
from sen2naip_sr.release.imagery.shipping import places
from sen2naip_sr.weights.calibration import load_calibration
from sen2naip_sr.weights.files import load_weights
from sen2naip_sr.weights.names import FOLDER, SUFFIX
from sen2naip_sr.weights.scores import Scores

NAMES = ("default", "best", "fast")
MOST_BYTES = 12_000_000
SIZES = {"teacher": (8, 2), "student": (4, 1)}
PARAMETERS = {
    "validation": "ca-claremont",
    **{
        name: {"channels": channels, "blocks": blocks, "learning_rate": 1e-3}
        for name, (channels, blocks) in SIZES.items()
    },
    "batches": [{"side": 32, "images": 8, "crops": [{"share": 1}]}],
    "warmup_steps": 2,
}
DISTILLING = {
    "kept": 4,
    "inner": 3,
    "warmup_steps": 2,
    "batch": {"side": 32, "images": 4, "crops": [{"share": 1}]},
    "imagery": {"validation": "ca-claremont"},
}
COMMIT = "c" * 40


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = torch.rand((1, 4, 24, 24), generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic").clamp(0, 1)
    with rasterio.open(
        path, "w", driver="GTiff", count=4, height=96, width=96, dtype="uint8"
    ) as target:
        target.write((fine[0].numpy() * 255).astype("uint8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with data and trained weights, and how to ship them."""
    folder = tmp_path_factory.mktemp("shipping")
    for place in ("ca-claremont-2018", "oh-adams", "oh-brown", "elsewhere-2020"):
        for chip in range(3):
            write(folder / place / f"{chip}.tif", len(place) + chip)
    for name, source in (("packed", "oh-adams"), ("unknown", "elsewhere-2020")):
        data = [str(folder / place) for place in (source, "ca-claremont-2018")]
        main(["pack", "--data", *data, "--out", str(folder / name)])
        out, parameters = folder / f"{name}-weights", folder / "parameters.json"
        parameters.write_text(json.dumps(PARAMETERS))
        arguments = ["--packed", folder / name, "--out", out, "--steps", 2]
        arguments += ["--parameters", parameters, "--commit", COMMIT]
        main(["train", *map(str, arguments)])
    weights = folder / "packed-weights"
    parameters.write_text(json.dumps(DISTILLING))
    arguments = ["--packed", folder / "packed", "--out", weights / "fast.safetensors"]
    arguments += ["--start", weights / "default.safetensors", "--steps", 2]
    arguments += ["--teacher", weights / "best.safetensors"]
    arguments += ["--parameters", parameters, "--commit", COMMIT]
    main(["distil", *map(str, arguments)])
    return folder


def ship(made, *more, trained="packed-weights", test="oh-brown"):
    target = made / "target"
    arguments = ["--trained", made / trained, "--calibrate"]
    arguments += [f"NAIP, 0.6 m={made / 'ca-claremont-2018'}"]
    arguments += ["--test", f"NAIP, 0.6 m={made / test}", "--target", target, *more]
    with pytest.MonkeyPatch.context() as patch:
        # three images suffice: a level of 90 % needs nine
        patch.setattr("sen2naip_sr.release.calibrate.LEVEL", 0.5)
        main(["ship", *map(str, arguments)])
    return target


def assert_is_what_it_says(folder, name):
    path = folder / f"{name}{SUFFIX}"
    weights, scores = load_weights(path), Scores.read(path)
    assert scores
    assert scores.label == weights.label == load_calibration(weights).weights
    assert scores.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {tensor.dtype for tensor in weights.state.values()} == {torch.float16}
    assert weights.conditioned
    card = path.with_suffix(".md").read_text()
    assert scores.sha256 in card and str(weights.metadata.commit) in card
    for place in [*weights.metadata.train_places, *scores.calibrated_on]:
        found = places.imagery_of(place)
        assert found.licence in card or place in scores.calibrated_on
        assert all(text in card for text in found.attribution)
    for place in scores.places:
        line = next(
            line for line in card.splitlines() if f"| {place.place} | {place.sensor}" in line
        )
        assert all(f"{c.over_lanczos:+.2f} ({c.over_best:+.2f})" in line for c in place.clean)


def test_trained_networks_are_shipped_with_all_that_describes_them(made):
    target = ship(made, "--force")
    for name in NAMES:
        assert_is_what_it_says(target, name)
        known = load_weights(target / f"{name}{SUFFIX}").metadata
        assert known.commit == COMMIT
        trained = load_weights(made / "packed-weights" / f"{name}{SUFFIX}")
        assert known == trained.metadata
    ((clean, coarser, _),) = (place.clean for place in Scores.read(target / "best.x").places)
    assert (clean.images, clean.reduction, coarser.reduction) == (3, 1, 2)


def test_a_network_for_8_bits_says_what_they_change(made):
    target = ship(made, "--force")
    (place,) = Scores.read(target / "fast.x").places
    changes = [clean.change_in_8_bits for clean in place.clean]
    assert all(0 < abs(change) < 1 for change in changes)
    card = (target / "fast.md").read_text()
    assert f"by {changes[0]:+.3f} dB on oh-brown" in card
    assert "imagery distil`, with" in card
    assert "| 8 bits |" not in (target / "best.md").read_text()


def test_a_folder_without_weights_is_refused(made, tmp_path):
    with pytest.raises(SystemExit, match="has no weights files"):
        ship(made, trained=tmp_path)


def test_networks_that_do_not_beat_interpolation_are_refused(made):
    with pytest.raises(SystemExit, match="dB to "):
        ship(made)


def test_ground_that_was_trained_on_is_refused(made):
    with pytest.raises(SystemExit, match="the same ground as oh-adams"):
        ship(made, "--force", test="oh-adams")


def test_imagery_without_a_recorded_licence_is_refused(made):
    with pytest.raises(SystemExit, match="licence and attribution of elsewhere-2020"):
        ship(made, "--force", trained="unknown-weights")


def test_another_commit_is_refused(made):
    with pytest.raises(SystemExit, match="its commit is"):
        ship(made, "--force", "--commit", "d" * 40)


def test_weights_of_ones_own_are_calibrated_by_one_command(made, tmp_path):
    path = tmp_path / f"mine{SUFFIX}"
    path.write_bytes((made / "packed-weights" / f"default{SUFFIX}").read_bytes())
    arguments = ["calibrate", path, "--on", f"NAIP, 0.6 m={made / 'oh-adams'}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sen2naip_sr.release.calibrate.LEVEL", 0.5)
        main([*map(str, arguments), "--on", f"NAIP, 0.6 m={made / 'ca-claremont-2018'}"])
        found = load_calibration(load_weights(path))
        assert found.places == ("oh-adams", "ca-claremont-2018")
        assert found.sensors == ("NAIP, 0.6 m",)
        with pytest.raises(SystemExit, match="oh-adams calibrates, and shows the same ground"):
            main([*map(str, arguments), "--test", f"NAIP={made / 'oh-adams'}"])


def test_all_shipped_weights_are_small():
    size = sum(file.stat().st_size for file in Path(FOLDER).iterdir() if file.is_file())
    assert size <= MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_are_what_they_say(name):
    assert_is_what_it_says(FOLDER, name)
