"""A training from GeoTIFFs to weights that upscale, with tiny sizes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import torch

from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.quantisation import set_rounding
from sen2naip_sr.release.imagery.__main__ import main
from sen2naip_sr.weights import names as shipped
from sen2naip_sr.weights.files import load_weights

SMALL = {
    "validation": "town",
    "teacher": {"channels": 8, "blocks": 2, "learning_rate": 1e-3},
    "student": {"channels": 4, "blocks": 1, "learning_rate": 1e-3},
    "batches": [
        {
            "side": 32,
            "images": 8,
            "turns": 2,
            "crops": [{"share": 0.6, "reduction": 2}, {"share": 0.4, "deep": True}],
        }
    ],
    "warmup_steps": 2,
}


def write(path, seed, dtype="uint8", most=255):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = torch.rand((1, 4, 12, 12), generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic").clamp(0, 1)
    with rasterio.open(
        path, "w", driver="GTiff", count=4, height=96, width=96, dtype=dtype
    ) as target:
        target.write((fine[0].numpy() * most).astype(dtype))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("imagery")
    for place, seed in (("town-2018", 0), ("town-2020", 1), ("farms", 2)):
        write(folder / place / "0.tif", seed)
    write(folder / "valley-2022.tif", 3, "uint16", 4000)
    sources = ["town-2018", "town-2020", "farms", "valley-2022.tif"]
    out = folder / "packed"
    main(["pack", "--data", *(str(folder / name) for name in sources), "--out", str(out)])
    return out


def trained(packed, out, steps, start=None, **changes):
    parameters = out.with_suffix(".json")
    parameters.write_text(json.dumps(SMALL | changes))
    arguments = ["--packed", packed, "--out", out, "--steps", steps, "--parameters", parameters]
    main(["train", *map(str, arguments + (["--start", start] if start else []))])
    return {name: load_weights(out / f"{name}.safetensors") for name in ("best", "default")}


def test_weights_of_a_training_upscale(packed, tmp_path):
    weights = trained(packed, tmp_path / "weights", 6)
    for name, size in (("best", SMALL["teacher"]), ("default", SMALL["student"])):
        known = weights[name].metadata
        assert known.architecture == "lean"
        expected = {"channels": size["channels"], "blocks": size["blocks"], "conditions": True}
        assert known.architecture_parameters == expected
        # a location is held out at all dates
        assert known.train_places == ["farms", "valley-2022"]
        assert known.training["seed"] == 0
        assert known.validation_psnr > 20
        network = weights[name].build()
        image = torch.rand(1, 4, 20, 24)
        with torch.no_grad():
            clean = network(image)
            unknown = weights[name].build(Conditions.unknown())(image)
        assert clean.shape == (1, 4, 40, 48)
        assert not torch.equal(clean, unknown)


def test_the_front_door_upscales_with_them(packed, tmp_path):
    from sen2naip_sr import upscale

    trained(packed, tmp_path / "weights", 1)
    image = np.full((4, 24, 24), 100, np.uint8)
    upscaled = upscale(image, model=tmp_path / "weights" / "default.safetensors")
    assert upscaled.shape == (4, 48, 48)


def test_the_seed_decides_the_weights(packed, tmp_path):
    first, again, other = (
        trained(packed, tmp_path / name, 2, seed=seed)["default"].label
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first == again != other


def test_clean_images_are_restored_better_after_more_steps(packed, tmp_path):
    short = trained(packed, tmp_path / "short", 1)["best"].metadata.validation_psnr
    long = trained(packed, tmp_path / "long", 60, truth={"toned": 0}, sensor={"clean": 1})
    assert long["best"].metadata.validation_psnr > short


def test_a_training_starts_from_another_one(packed, tmp_path):
    first = trained(packed, tmp_path / "first", 3)
    still = {"learning_rate": 1e-12}
    sizes = {name: SMALL[name] | still for name in ("teacher", "student")}
    second = trained(packed, tmp_path / "second", 1, start=tmp_path / "first", **sizes)
    for name, weights in second.items():
        assert weights.metadata.started_from == first[name].label
        for key, tensor in weights.state.items():
            torch.testing.assert_close(tensor, first[name].state[key], atol=1e-6, rtol=0)
    with pytest.raises(SystemExit, match="do not fit"):
        other = SMALL["teacher"] | {"channels": 6}
        trained(packed, tmp_path / "third", 1, start=tmp_path / "first", teacher=other)


def test_an_unknown_validation_location_is_named(packed, tmp_path):
    with pytest.raises(SystemExit, match="nowhere"):
        trained(packed, tmp_path / "weights", 1, validation="nowhere")


def test_a_training_needs_few_packages(packed, tmp_path):
    absent = ("rasterio", "scipy", "psutil", "pandas", "rich", "click", "kedro", "lightning_fabric")
    block = f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
    (tmp_path / "small.json").write_text(json.dumps(SMALL))
    arguments = ["train", "--packed", packed, "--out", tmp_path / "weights", "--steps", 1]
    arguments += ["--parameters", tmp_path / "small.json"]
    code = "from sen2naip_sr.release.imagery.__main__ import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", block + code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "weights" / "best.safetensors").is_file()


def distilled(packed, folder, file, **changes):
    parameters = {"batch": SMALL["batches"][0] | {"turns": 1}, "kept": 2, "warmup_steps": 1}
    parameters["imagery"] = {"validation": "town"}
    folder.mkdir(exist_ok=True)
    (folder / "distil.json").write_text(json.dumps(parameters | changes))
    arguments = {
        "packed": packed,
        "start": file,
        "teacher": file.with_name("best.safetensors"),
        "out": folder / "distilled.safetensors",
        "steps": 4,
        "parameters": folder / "distil.json",
    }
    main(["distil", *(str(part) for name in arguments for part in (f"--{name}", arguments[name]))])
    return load_weights(arguments["out"])


@pytest.fixture(scope="module")
def undistilled(packed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undistilled")
    student = {"channels": 8, "blocks": 3, "learning_rate": 1e-3}
    return trained(packed, folder / "weights", 3, student=student), folder / "weights"


def test_a_network_is_distilled_to_8_bits_and_made_smaller(packed, undistilled, tmp_path):
    before, folder = undistilled
    after = distilled(
        packed, tmp_path, folder / "default.safetensors", inner=4, blocks=2, rounding_from=0.5
    )
    known = after.metadata
    expected = {"channels": 8, "blocks": 2, "inner": 4, "conditions": True, "quantised": True}
    assert known.architecture_parameters == expected
    assert known.started_from == before["default"].label
    assert known.train_places == before["default"].metadata.train_places
    assert all(end > 0 for name, end in after.state.items() if name.endswith("end"))
    network, image = after.build(), torch.rand(1, 4, 20, 24)
    with torch.no_grad():
        exact = network(image)
        set_rounding(network, True)
        assert 0 < (network(image) - exact).abs().max() < 0.1


def test_the_ranges_of_feature_maps_are_learnt_once_they_are_rounded(packed, undistilled, tmp_path):
    file = undistilled[1] / "default.safetensors"
    changed = {"rounding_from": 0}, {"rounding_from": 0, "range_rate": 0}, {"rounding_from": 1}
    learnt, kept, unrounded = (
        distilled(packed, tmp_path / str(number), file, **changes)
        for number, changes in enumerate(changed)
    )
    ends = [name for name in kept.state if name.endswith("end")]
    assert all(learnt.state[name] != kept.state[name] for name in ends)
    # nothing is rounded yet, so they are as they were measured
    assert all(unrounded.state[name] == kept.state[name] for name in ends)


def test_distilled_weights_tell_their_own_imagery_and_code(packed, undistilled, tmp_path):
    file = undistilled[1] / "default.safetensors"
    known = distilled(packed, tmp_path, file, kept=3).metadata
    start = load_weights(file).metadata
    assert (known.data_hash, known.split_hash) == (start.data_hash, start.split_hash)
    assert known.training["kept"] == 3
    assert known.training["validation"] == "town"
    assert known.step == 4


def test_distilling_is_repeatable_and_may_start_from_its_own_weights(packed, undistilled, tmp_path):
    file = undistilled[1] / "default.safetensors"
    first, second = (distilled(packed, tmp_path / name, file) for name in "ab")
    assert first.label == second.label
    own = undistilled[1] / "own.safetensors"
    own.write_bytes((tmp_path / "a" / "distilled.safetensors").read_bytes())
    again = distilled(packed, tmp_path / "c", own)
    assert again.metadata.started_from == first.label


def test_distilling_needs_a_lean_with_conditions(packed, tmp_path):
    plain = shipped.FOLDER / "lean.safetensors"
    given = {"packed": packed, "start": plain, "teacher": plain, "out": tmp_path / "o", "steps": 1}
    arguments = [str(part) for name, value in given.items() for part in (f"--{name}", value)]
    with pytest.raises(SystemExit, match="not a Lean with conditions"):
        main(["distil", *arguments])
