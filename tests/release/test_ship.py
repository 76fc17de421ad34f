"""Weights that come with the project are what their records say, and records of better ones."""

import hashlib
import json
import math
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch

from sen2naip_sr.chips.lr_store import downscale
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.models.registry import MODELS, build_model
from sen2naip_sr.release import ship
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights
from sen2naip_sr.weights.names import FOLDER, GENERAL

ROOT = Path(__file__).parents[2]
NAIP = ROOT.parent / "shared/data/naip"
SCORES = FOLDER / "scores.json"
RECORDS = json.loads(SCORES.read_text()) if SCORES.exists() else {}
PLACES = ["ca-central-valley", "ca-chico-2018", "ca-claremont-2018", "ca-santa-monica-2020"]
PLACES += ["wv-3708020-sw"]
TESTED = {"ca-central-valley", "ca-santa-monica-2020", "wv-3708020-sw"}

shipped = pytest.mark.parametrize("name", sorted(RECORDS))


def spot_psnr(weights, data, file):
    """Score one chip with nothing of the project's evaluation."""
    with rasterio.open(data / file) as raster:
        truth = raster.read()
    low, high = weights.metadata.value_range
    recipe = get_recipe(weights.metadata.recipe.partition("@")[0])
    lr = downscale(truth[None], recipe)
    network = make_network(weights.build(), device="cpu", precision="float32")
    (found,) = predict(network, lr, (low, high))
    error = (found.astype(np.float64) - truth)[:, 4:-4, 4:-4]
    return 10 * math.log10((high - low) ** 2 / np.mean(error**2))


def assert_is_what_it_says(folder, name, record):
    file = folder / f"{name}.safetensors"
    weights = load_weights(file)
    known = weights.metadata
    assert known.architecture == name
    assert not weights.build().training
    assert known.commit and known.split_hash and "@" in known.recipe
    assert not known.synthetic
    assert not set(known.train_places) & set(record["scores"]["native"]["places"])
    assert hashlib.sha256(file.read_bytes()).hexdigest() == record["sha256"]


def assert_card_agrees(folder, name, record):
    card = (folder / f"{name}.md").read_text(encoding="utf-8")
    assert record["sha256"] in card
    assert "USDA FSA/FPAC" in card and "Ventura et al. 2024" in card and "CC BY 4.0" in card
    lines = card.splitlines()
    for scores in record["scores"].values():
        for place, row in {"all": scores["all"], **scores["places"]}.items():
            shown = [
                f"| {place}, {name} |",
                f"| {row['psnr']:.2f} |",
                f"| {row['delta_psnr']:+.2f} [{row['delta_low']:+.2f}, {row['delta_high']:+.2f}] |",
                f"| {row['sam']:.2f} |",
                f"| {row['ergas']:.2f} |",
                f"| {row['consistency']:.2f} |",
            ]
            assert any(all(text in line for text in shown) for line in lines), shown


def test_every_network_of_the_benchmark_is_recorded():
    files = {file.stem for file in FOLDER.glob("*.safetensors")}
    assert files - {*GENERAL} == set(RECORDS)
    assert set(RECORDS) <= {name for name, spec in MODELS.items() if spec.trainable}


@shipped
def test_shipped_weights_are_what_they_say(name):
    assert_is_what_it_says(FOLDER, name, RECORDS[name])


@shipped
def test_the_card_shows_the_recorded_scores(name):
    assert_card_agrees(FOLDER, name, RECORDS[name])


@shipped
def test_they_beat_every_interpolation(name):
    scores = RECORDS[name]["scores"]["native"]
    assert scores["all"]["delta_psnr"] > 0
    assert set(scores["places"]) == TESTED
    if name != "gan":
        assert all(row["delta_psnr"] > 0 for row in scores["places"].values())


@pytest.mark.skipif(not NAIP.is_dir(), reason="the NAIP chips are not beside the project")
@shipped
def test_they_score_what_is_recorded(name):
    weights, spot = load_weights(FOLDER / f"{name}.safetensors"), RECORDS[name]["spot"]
    assert len(spot) == 2 * len(TESTED)
    for file, psnr in spot.items():
        assert spot_psnr(weights, NAIP, file) == pytest.approx(psnr, abs=0.01), file


@pytest.fixture(scope="module", autouse=True)
def few_chips_suffice():
    """Let the few validation chips of these tests calibrate: a level of 90 % needs nine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sen2naip_sr.release.calibrate.LEVEL", 0.5)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_geotiff):
    """A tiny benchmark, and a network that is shipped on it."""
    root = tmp_path_factory.mktemp("ship")
    data = root / "data"
    for number, place in enumerate(PLACES):
        for chip in range(3):
            noise = np.random.default_rng([number, chip]).normal(size=(4, 96, 96))
            smooth = sum(np.roll(noise, by, axis) for by in (0, 1, 2) for axis in (1, 2))
            pixels = (128 + 15 * smooth).clip(0, 255).astype(np.uint8)
            make_geotiff(data / place / f"{chip}.tif", pixels, crs=None)
    chips = ship.make_chips(data, root / "cache/native", 1)
    torch.manual_seed(0)
    model = build_model("lean", 4, channels=4, blocks=1)
    # small, so that rounding these weights does not count
    state = {
        key: value + 0.01 * torch.randn_like(value) for key, value in model.state_dict().items()
    }
    metadata = WeightsMetadata(
        architecture="lean",
        architecture_parameters={"channels": 4, "blocks": 1},
        bands=4,
        recipe=chips.lr.attributes["recipe"],
        value_range=(0, 255),
        dtype="uint8",
        data_hash=chips.hr.manifest.content,
        split_hash=ship.split_hash(chips.splits),
        train_places=["ca-chico-2018"],
        validation_psnr=20.0,
        step=3,
        training={"steps": 3, "betas": [0.9, 0.99]},
        version="0",
        synthetic=False,
        commit="abc",
    )
    made = SimpleNamespace(
        data=data, root=root, state=state, metadata=metadata, target=root / "weights"
    )
    ship.ship(save(made, "good"), data, root / "cache", made.target, force=True)
    return made


def save(made, name, state=None, **changes):
    path = made.root / f"{name}.safetensors"
    save_weights(path, state or made.state, made.metadata.model_copy(update=changes))
    return path


def ship_again(made, path, target=None, *, force=False):
    ship.ship(path, made.data, made.root / "cache", target or made.target, force=force)


def records(made):
    return json.loads((made.target / "scores.json").read_text())


def test_what_is_made_holds_to_the_same(made):
    record = records(made)["lean"]
    assert_is_what_it_says(made.target, "lean", record)
    assert_card_agrees(made.target, "lean", record)
    assert set(record["scores"]) == {"native", "reduced"}
    assert set(record["scores"]["native"]["places"]) == TESTED
    weights = load_weights(made.target / "lean.safetensors")
    assert weights.metadata == made.metadata
    assert {tensor.dtype for tensor in weights.state.values()} == {torch.float16}
    assert len(record["spot"]) == 2 * len(TESTED)
    for file, psnr in record["spot"].items():
        assert spot_psnr(weights, made.data, file) == pytest.approx(psnr, abs=1e-3), file


def test_each_pixel_size_has_scores_of_its_own(made):
    scores = records(made)["lean"]["scores"]
    assert scores["reduced"]["all"]["n_chips"] == scores["native"]["all"]["n_chips"] == 9
    assert scores["reduced"]["all"]["psnr"] != scores["native"]["all"]["psnr"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"split_hash": "other"}, "trained on the split other"),
        ({"train_places": ["wv-3708020-sw"]}, "trained on the test place wv-3708020-sw"),
        ({"commit": None}, "does not name the commit"),
    ],
)
def test_weights_of_another_making_are_refused_even_by_force(made, changes, reason):
    before = records(made)
    with pytest.raises(UserError, match=reason):
        ship_again(made, save(made, "other", **changes), force=True)
    assert records(made) == before


def test_weights_that_are_not_above_interpolation_are_refused(made):
    flat = {key: torch.zeros_like(value) for key, value in made.state.items()}
    target = made.root / "nothing"
    with pytest.raises(UserError, match="dB to "):
        ship_again(made, save(made, "flat", flat), target)
    assert not target.exists()


def test_worse_weights_than_the_recorded_are_refused_by_both_names(made):
    weights = load_weights(save(made, "worse"))
    row = {"psnr": 30.0, "delta_psnr": 1.0}
    native = {"all": row, "places": {"a": row}, "interpolation": {"method": "lanczos"}}
    better = {"label": "lean, step 9, fed", "scores": {"native": {"all": {"psnr": 30.1}}}}
    with pytest.raises(UserError, match=r"worse.*lean, step 3.*30\.0000.*lean, step 9.*30\.1000"):
        ship.require_better(weights, native, better)
    ship.require_better(weights, native, None)
    better["scores"]["native"]["all"]["psnr"] = 29.9
    ship.require_better(weights, native, better)


@pytest.fixture
def shipped_meanwhile(made, monkeypatch):
    """Return a function that lets another run finish while ours scores its last chips."""

    def let(target, records):
        score, keys = ship.score_network, iter(ship.REDUCTIONS)

        def scored(*arguments):
            if next(keys) == "reduced":
                target.mkdir()
                (target / "scores.json").write_text(json.dumps(records))
            return score(*arguments)

        monkeypatch.setattr(ship, "score_network", scored)

    return let


def test_what_another_run_ships_meanwhile_stays(made, shipped_meanwhile):
    target = made.root / "two"
    shipped_meanwhile(target, {"unet": {"label": "unet, step 5, cab"}})
    ship_again(made, made.root / "good.safetensors", target, force=True)
    recorded = json.loads((target / "scores.json").read_text())
    assert recorded == {"unet": {"label": "unet, step 5, cab"}, "lean": records(made)["lean"]}


def test_better_weights_that_another_run_ships_meanwhile_are_not_replaced(
    made, shipped_meanwhile, monkeypatch
):
    target = made.root / "better"
    better = {"label": "lean, step 9, fed", "scores": {"native": {"all": {"psnr": 99.0}}}}
    shipped_meanwhile(target, {"lean": better})
    check = ship.require_better
    beaten = {"all": {"psnr": 98.0, "delta_psnr": 1.0}, "places": {}}
    monkeypatch.setattr(
        ship, "require_better", lambda weights, _, recorded: check(weights, beaten, recorded)
    )
    with pytest.raises(UserError, match=r"98\.0000 dB.*lean, step 9, fed.*99\.0000 dB"):
        ship_again(made, made.root / "good.safetensors", target)
    assert json.loads((target / "scores.json").read_text()) == {"lean": better}
    assert [file.name for file in target.iterdir()] == ["scores.json"]


def test_one_run_at_a_time_writes(made, tmp_path):
    inside = Event()

    def write():
        with ship.locked(tmp_path):
            inside.set()

    other = Thread(target=write, daemon=True)
    with ship.locked(tmp_path):
        other.start()
        assert not inside.wait(0.2)
    assert inside.wait(10)


def test_single_precision_stays_where_half_precision_overflows(made):
    large = {key: value.clone() for key, value in made.state.items()}
    next(iter(large.values())).mul_(1e9)
    chips = ship.make_chips(made.data, made.root / "cache/native", 1)
    stored, _ = ship.in_half_precision(load_weights(save(made, "large", large)), chips)
    assert {tensor.dtype for tensor in stored.state.values()} == {torch.float32}
