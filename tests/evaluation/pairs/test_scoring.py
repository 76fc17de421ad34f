import logging

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from made_pairs import write_pair
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LinearRegression
from tiny_weights import write_weights
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.evaluation.pairs.parameters import PairsParameters
from sen2naip_sr.evaluation.pairs.scoring import score_pairs
from sen2naip_sr.evaluation.pairs.summary import pair_metrics, summarise_pairs
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.files import load_weights


@pytest.fixture
def noisy(tmp_path, make_geotiff):
    """A pair with noise of its own in every file, so that methods differ."""
    folder = write_pair(tmp_path / "noisy", make_geotiff)
    random = np.random.default_rng(0)
    for path in sorted(folder.glob("*.tif")):
        with rasterio.open(path, "r+") as file:
            values = file.read()
            file.write((values + random.normal(0, 60, values.shape)).round().astype("uint16"))
    return folder


class Scaled(nn.Module):
    """Lanczos with another contrast in every band."""

    receptive_field, multiple = 3, 1

    def __init__(self):
        super().__init__()
        self.lanczos = build_model("lanczos", 4)

    def forward(self, x):
        gains = torch.tensor([0.5, 0.8, 1.0, 0.3])[:, None, None]
        return gains * self.lanczos(x) + 0.1


def scored(folder, peers=(), weights=None, **changes):
    parameters = PairsParameters(folders=[folder], **changes)
    table = score_pairs(parameters, weights or {}, "cpu", peers)
    return table.set_index("method")


def test_the_gain_is_that_of_pillow_scipy_and_scikit_learn(noisy):
    bands = [rasterio.open(noisy / f"{name}.tif").read(1) for name in "rgbn"]
    truth = detail(rasterio.open(noisy / "pan.tif").read(1).astype(float))
    missed = {
        name: reference(bands, truth, kernel)
        for name, kernel in (("lanczos", "LANCZOS"), ("bicubic_pil", "BICUBIC"))
    }
    table = scored(noisy, reach=0)
    for name, share in missed.items():
        assert table.loc[name, "missed"] == pytest.approx(share, rel=2e-3)
    expected = 10 * np.log10(missed["lanczos"] / missed["bicubic_pil"])
    assert table.loc["bicubic_pil", "gain"] == pytest.approx(expected, abs=0.01)


def detail(image):
    return (image - gaussian_filter(image, 1.2))[8:-8, 8:-8].ravel()


def reference(bands, truth, kernel):
    size = tuple(2 * side for side in bands[0].shape[::-1])
    kind = Image.Resampling[kernel]
    upscaled = [np.asarray(Image.fromarray(b.astype("float32")).resize(size, kind)) for b in bands]
    inputs = np.stack([detail(image.astype(float)) for image in upscaled], axis=1)
    return 1 - LinearRegression().fit(inputs, truth).score(inputs, truth)


def test_lanczos_is_the_baseline_and_contrast_makes_no_difference(noisy):
    scaled = Method("scaled", "Scaled", Scaled().eval(), trained=True)
    table = scored(noisy, peers=[scaled])
    assert table.loc["lanczos", "gain"] == 0
    assert table.loc["scaled", "gain"] == pytest.approx(0, abs=0.01)
    assert table.loc["nearest", "gain"] < -1


@pytest.mark.parametrize("misplaced", [(0.0, 0.0), (0.75, -1.5)])
@pytest.mark.parametrize("ratio", [2, 4])
def test_a_truth_that_is_misplaced_is_registered(misplaced, ratio, tmp_path, make_geotiff):
    # the truth shows what lies further on: its pixels must be moved back
    folder = write_pair(tmp_path, make_geotiff, misplaced=misplaced, ratio=ratio, shift=(3, 1))
    row = scored(folder).loc["lanczos"]
    assert (row["rows"], row["columns"]) == tuple(-m for m in misplaced)
    assert row["correlation"] > 0.99


def test_a_finer_sensor_is_a_truth_too(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff, truth="truth.tif", truth_bands=4)
    row = scored(folder).loc["lanczos"]
    assert row["truth"] == "bands"
    assert row["correlation"] > 0.99


def test_networks_are_told_what_is_given(noisy, tmp_path):
    path = write_weights(tmp_path / "w.safetensors", conditions=True)
    plain = write_weights(tmp_path / "p.safetensors")
    weights = {"told": load_weights(path), "plain": load_weights(plain)}
    table = scored(noisy, weights=weights, noise=20, blur="recipe", compression="none")
    assert table.loc["told", "noise"] == "20 digital numbers (given)"
    assert table.loc["plain", "noise"] == ""
    assert table["trained"].sum() == 2


def test_methods_and_pairs_that_cannot_be_used_are_left_out(noisy, tmp_path, caplog):
    three = load_weights(write_weights(tmp_path / "w.safetensors", bands=3))
    (noisy.parent / "broken").mkdir()
    (noisy.parent / "broken" / "pan.tif").write_text("?")
    with caplog.at_level(logging.WARNING):
        table = scored(noisy.parent, weights={"three": three})
    assert set(table["pair"]) == {"noisy"}
    assert "three" not in table.index
    assert "three is not scored on noisy" in caplog.text
    assert "there is no r.tif" in caplog.text


def test_if_no_pair_can_be_used_the_reason_is_raised(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff, size=16)
    with pytest.raises(UserError) as raised:
        scored(folder)
    assert raised.value.code == "pair-too-small"


def test_a_registration_at_its_reach_is_reported(tmp_path, make_geotiff, caplog):
    folder = write_pair(tmp_path, make_geotiff, misplaced=(-1.0, 0.0))
    with caplog.at_level(logging.WARNING):
        scored(folder, reach=1)
    assert "the registration ends at its reach" in caplog.text


def test_pixels_without_data_do_not_count(tmp_path, make_geotiff):
    folder = write_pair(tmp_path, make_geotiff)
    before = scored(folder).loc["lanczos", "pixels"]
    with rasterio.open(folder / "r.tif", "r+") as file:
        values = file.read()
        values[:, :12] = 0
        file.write(values)
        file.nodata = 0
    row = scored(folder).loc["lanczos"]
    assert row["pixels"] == before - (24 * (96 - 16))
    assert row["correlation"] > 0.99


def test_the_summary_has_means_and_the_worst_pair_and_metrics_are_of_one_method(noisy):
    scores = scored(noisy).reset_index()
    other = scores.assign(pair="b (2)", gain=scores["gain"] + 1)
    both = np.concatenate([scores["gain"], other["gain"]]).reshape(2, -1)
    table = pd.concat([scores, other], ignore_index=True)
    summary = summarise_pairs(table).set_index("method")
    assert summary["pairs"].eq(2).all()
    assert summary["gain"].is_monotonic_decreasing
    expected = dict(zip(scores["method"], both.mean(0), strict=True))
    assert summary["gain"].to_dict() == pytest.approx(expected)
    assert summary.loc["lanczos", "least"] == 0
    metrics = pair_metrics(table, "lanczos")
    assert metrics["pairs/gain"] == 0.5
    assert metrics["pairs/least"] == 0
    assert metrics["pairs_gain_at/b (2)"] == 1
    others = {name for name in metrics if name.startswith("pairs_gain/")}
    assert others == {f"pairs_gain/{name}" for name in summary.index if name != "lanczos"}
