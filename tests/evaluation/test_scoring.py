"""The protocol, step by step, against independent references."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from small_stores import make_stores, smooth_noise
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method, interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_chips, score_methods
from sen2naip_sr.metrics.full_reference import SHAVE


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    names = ["Red", "Green", "Blue", "NIR"]
    return make_stores(tmp_path_factory.mktemp("stores"), smooth_noise(), bands=names)


class Constant(nn.Module):
    """Says the same of every image: a fixed high-resolution image in [0, 1]."""

    def __init__(self, image):
        super().__init__()
        self.image = torch.as_tensor(image, dtype=torch.float32)

    def forward(self, lr):
        return self.image.expand(len(lr), -1, -1, -1)


def scored(model, stores, **parameters):
    methods = [Method("made up", "made up", model, trained=False)]
    return score_methods(
        methods, *stores, EvaluationParameters(**{"accelerator": "cpu"} | parameters)
    )


def of_all_bands(scores):
    return scores[scores["band"] == "all"].set_index("chip")


def test_has_a_row_a_method_test_chip_and_band(stores):
    methods = interpolations(4)
    scores = score_methods(methods, *stores, EvaluationParameters(accelerator="cpu"))
    assert len(scores) == len(methods) * 4 * 5
    assert set(scores["chip"]) == {2, 3, 4, 5}
    assert set(scores["band"]) == {"all", "Red", "Green", "Blue", "NIR"}
    assert scores.groupby("chip")["place"].first().to_dict() == {2: "p1", 3: "p1", 4: "p2", 5: "p2"}
    assert not scores["trained"].any()
    joint = scores[scores["band"] == "all"]
    assert (joint["seconds_per_megapixel"] > 0).all()
    assert joint[["psnr", "ssim", "sam", "uiqi", "consistency"]].notna().all().all()
    assert scores.loc[scores["band"] != "all", "seconds_per_megapixel"].isna().all()


def test_what_is_asked_for_is_what_it_is_among_all_and_the_rest_is_nan(stores):
    hr, lr, splits = stores
    tested = splits[splits["split"] == "test"]
    only = ["psnr", "sam", "spectrum"]
    options = EvaluationParameters(accelerator="cpu")
    every, some = (
        score_chips(interpolations(4)[:2], hr, lr, tested, options, **asked)
        for asked in ({}, {"only": only})
    )
    assert list(some) == list(every)
    same = [*every.columns[:7], *only]
    pd.testing.assert_frame_equal(some[same], every[same])
    left = some.columns.difference([*same, "seconds_per_megapixel"])
    assert some[left].isna().all().all()
    assert some[left].dtypes.eq("float64").all()


def test_psnr_is_that_of_scikit_image_after_shaving_four_pixels(stores):
    hr, lr, _ = stores
    scores = score_methods(interpolations(4), *stores, EvaluationParameters(accelerator="cpu"))
    bilinear = of_all_bands(scores[scores["method"] == "bilinear"])
    small = torch.from_numpy(lr.chips[2][None].astype(np.float32))
    upscaled = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    predicted = upscaled[0].numpy().round().clip(0, 255)
    inside = (slice(None), slice(4, -4), slice(4, -4))
    truth = hr.chips[2].astype(np.float64)
    expected = peak_signal_noise_ratio(truth[inside], predicted[inside], data_range=255)
    assert bilinear.loc[2, "psnr"] == pytest.approx(expected, abs=1e-4)


def test_predictions_are_rounded_to_the_dtype_before_scoring(stores):
    hr, _, _ = stores
    # off by less than half a digital number: gone after rounding
    off = (hr.chips[2].astype(np.float64) + 0.4) / 255
    assert of_all_bands(scored(Constant(off), stores)).loc[2, "rmse"] == 0


def test_predictions_are_clipped_to_the_dtype_before_scoring(tmp_path):
    white = np.full((4, 4, 32, 32), 255, np.uint8)
    scores = of_all_bands(scored(Constant(np.full((4, 32, 32), 1.7)), make_stores(tmp_path, white)))
    assert (scores["rmse"] == 0).all()


def test_borders_do_not_count(stores):
    hr, _, _ = stores
    image = hr.chips[2].astype(np.float64) / 255
    image[:, :SHAVE] = image[:, -SHAVE:] = image[:, :, :SHAVE] = image[:, :, -SHAVE:] = 0
    scores = of_all_bands(scored(Constant(image), stores))
    assert scores.loc[2, "rmse"] == 0
    image[:, SHAVE, SHAVE] = 0
    assert of_all_bands(scored(Constant(image), stores)).loc[2, "rmse"] > 0


def test_data_range_is_the_store_s(tmp_path):
    chips = np.full((3, 4, 32, 32), 500, np.uint16)
    for high in (1000.0, 10000.0):
        stores = make_stores(tmp_path / str(high), chips, [0.0, high])
        scores = of_all_bands(scored(Constant(np.full((4, 32, 32), 510 / high)), stores))
        assert scores["psnr"].to_numpy() == pytest.approx(20 * math.log10(high / 10), abs=1e-6)


def test_consistency_is_the_rmse_between_downscaled_prediction_and_lr(tmp_path):
    stores = make_stores(tmp_path, smooth_noise(), recipe="area")
    _, lr, _ = stores
    # 2 x 2 means of a chequered image of whole numbers are 101.5 everywhere
    image = np.indices((32, 32)).sum(axis=0) % 2 * 3 + 100
    scores = scored(Constant(np.broadcast_to(image, (4, 32, 32)) / 255), stores)
    residual = 101.5 - lr.chips[2].astype(np.float64)[:, 2:-2, 2:-2]
    of_chip = scores[scores["chip"] == 2].set_index("band")["consistency"]
    assert of_chip["all"] == pytest.approx(np.sqrt((residual**2).mean()), abs=1e-4)
    assert of_chip["band 2"] == pytest.approx(np.sqrt((residual[1] ** 2).mean()), abs=1e-4)


def test_spectrum_is_the_distance_in_db_of_the_shaved_spectra_above_an_eighth(stores):
    hr, _, _ = stores
    image = hr.chips[2].astype(np.float64)
    image[:, :SHAVE] = 255
    waves = np.cos(2 * math.pi * 0.4 * np.arange(32))
    noisy = (image + 20 * waves).round().clip(0, 255)
    scores = scored(Constant(noisy / 255), stores)
    inside = (slice(None), slice(4, -4), slice(4, -4))
    window = np.outer(np.hanning(24), np.hanning(24))
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(24), np.fft.fftfreq(24)))
    rings = np.where(radius > 0.5, 0, (radius * 24).round())

    def power(pixels):
        centred = pixels - (pixels * window).sum((1, 2), keepdims=True) / window.sum()
        plane = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(0)
        return np.array([plane[rings == ring].mean() for ring in range(4, 13)])

    ratio = power(noisy[inside]) / power(hr.chips[2].astype(np.float64)[inside])
    expected = (10 * np.abs(np.log10(ratio))).mean()
    assert of_all_bands(scores).loc[2, "spectrum"] == pytest.approx(expected, rel=1e-6)
    assert scores.loc[scores["band"] != "all", "spectrum"].isna().all()


def test_spectrum_of_a_perfect_prediction_is_zero_whatever_its_borders(stores):
    hr, _, _ = stores
    image = hr.chips[2].astype(np.float64) / 255
    image[:, :, :SHAVE] = 1
    assert of_all_bands(scored(Constant(image), stores)).loc[2, "spectrum"] == 0


@pytest.mark.parametrize(("side", "known"), [(22, False), (24, True)])
def test_chips_that_are_too_small_have_no_spectrum(tmp_path, side, known):
    stores = make_stores(tmp_path, smooth_noise()[:, :, :side, :side])
    scores = of_all_bands(scored(Constant(np.full((4, side, side), 0.5)), stores))
    assert (scores["spectrum"].notna() == known).all()
    assert scores["psnr"].notna().all()


def test_at_most_so_many_chips_are_spread_over_all(stores):
    scores = scored(Constant(np.zeros((4, 32, 32))), stores, chips=2)
    assert sorted(set(scores["chip"])) == [2, 5]


def test_without_test_chips_says_what_to_do(stores):
    hr, lr, splits = stores
    with pytest.raises(UserError, match="no test chip"):
        score_methods([], hr, lr, splits.assign(split="train"), EvaluationParameters())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_said(stores):
    with pytest.raises(UserError) as raised:
        scored(Constant(np.zeros((4, 32, 32))), stores, accelerator="cuda")
    assert raised.value.code == "device-missing"
