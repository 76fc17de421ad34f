import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import (
    error_relative_global_dimensionless_synthesis,
    spectral_angle_mapper,
    structural_similarity_index_measure,
)

from sen2naip_sr.metrics.catalogue import METRICS
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.metrics.ms_ssim import MS_SSIM_WEIGHTS
from sen2naip_sr.metrics.psnr import PSNR_CAP

NAMES = ("psnr", "ssim", "ms_ssim", "rmse", "sam", "ergas", "uiqi")
BAND_METRICS = [name for name in NAMES if name != "sam"]


def textured_pair(shape, noise=8.0, seed=0, top=255):
    """Return a prediction and a truth: smooth texture, whole digital numbers from 1 to top."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(*shape[:2], shape[2] // 4 + 1, shape[3] // 4 + 1, generator=generator)
    truth = torch.nn.functional.interpolate(coarse, shape[2:], mode="bicubic") * top
    prediction = truth + noise * torch.randn(shape, generator=generator)
    return prediction.round().clamp(1, top), truth.round().clamp(1, top)


def skimage_ssim(prediction, truth, data_range):
    return structural_similarity(
        prediction.double().numpy(),
        truth.double().numpy(),
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def test_psnr_and_rmse_of_a_constant_error():
    truth = torch.full((2, 3, 20, 20), 100.0)
    scores = score(truth + 5, truth, data_range=255)
    expected = 20 * math.log10(255 / 5)
    torch.testing.assert_close(scores.chip["rmse"], torch.full((2,), 5.0).double())
    torch.testing.assert_close(scores.chip["psnr"], torch.full((2,), expected).double())
    torch.testing.assert_close(scores.band["psnr"], torch.full((2, 3), expected).double())


def test_joint_psnr_is_of_the_pooled_error_not_the_mean_over_bands():
    prediction, truth = textured_pair((2, 3, 24, 20))
    prediction[:, 0] = truth[:, 0]
    scores = score(prediction, truth, data_range=255, shave=0)
    expected = [
        peak_signal_noise_ratio(t, p, data_range=255)
        for p, t in zip(prediction.double().numpy(), truth.double().numpy(), strict=True)
    ]
    np.testing.assert_allclose(scores.chip["psnr"], expected, rtol=1e-12)
    assert scores.band["psnr"][:, 0].tolist() == [PSNR_CAP, PSNR_CAP]


@pytest.mark.parametrize(("top", "noise"), [(255, 8.0), (65535, 900.0)])
def test_ssim_equals_skimage_on_the_shaved_image(top, noise):
    prediction, truth = textured_pair((2, 2, 40, 33), noise, top=top)
    scores = score(prediction, truth, data_range=top, shave=4)
    for b, c in np.ndindex(2, 2):
        inner = (b, c, slice(4, -4), slice(4, -4))
        expected = skimage_ssim(prediction[inner], truth[inner], top)
        assert scores.band["ssim"][b, c].item() == pytest.approx(expected, abs=1e-9)
    torch.testing.assert_close(scores.chip["ssim"], scores.band["ssim"].mean(dim=1))


def test_ssim_equals_torchmetrics_where_no_window_meets_the_border():
    prediction, truth = (image.double() for image in textured_pair((3, 1, 32, 36)))
    _, similarity = structural_similarity_index_measure(
        prediction, truth, data_range=255.0, reduction="none", return_full_image=True
    )
    expected = similarity[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    scores = score(prediction, truth, data_range=255, shave=0)
    torch.testing.assert_close(scores.chip["ssim"], expected)


def test_ms_ssim_equals_the_product_of_library_terms():
    prediction, truth = textured_pair((1, 2, 180, 191), noise=20.0)
    scores = score(prediction, truth, data_range=255, shave=0)
    p, t = prediction.double().swapaxes(0, 1), truth.double().swapaxes(0, 1)
    expected = torch.ones(2).double()
    for weight in MS_SSIM_WEIGHTS[:-1]:
        _, contrast = structural_similarity_index_measure(
            p, t, data_range=255.0, reduction="none", return_contrast_sensitivity=True
        )
        expected *= contrast**weight
        p, t = torch.nn.functional.avg_pool2d(p, 2), torch.nn.functional.avg_pool2d(t, 2)
    coarsest = [skimage_ssim(p[c, 0], t[c, 0], 255) for c in range(2)]
    expected *= torch.tensor(coarsest) ** MS_SSIM_WEIGHTS[-1]
    torch.testing.assert_close(scores.band["ms_ssim"][0], expected)
    torch.testing.assert_close(scores.chip["ms_ssim"][0], expected.mean())


def test_ms_ssim_of_a_negative_is_zero_not_nan():
    _, truth = textured_pair((1, 1, 180, 180))
    assert score(256 - truth, truth, data_range=255, shave=0).chip["ms_ssim"].item() == 0


def brute_force_uiqi(x, y):
    """Return Wang and Bovik's index window by window, from numpy's means and covariances."""
    qualities = []
    for i, j in np.ndindex(x.shape[0] - 7, x.shape[1] - 7):
        a, b = x[i : i + 8, j : j + 8].ravel(), y[i : i + 8, j : j + 8].ravel()
        (var_a, cov), (_, var_b) = np.cov(a, b, ddof=0)
        squared_means = a.mean() ** 2 + b.mean() ** 2
        luminance = 2 * a.mean() * b.mean() / squared_means if squared_means else 1.0
        structure = 2 * cov / (var_a + var_b) if var_a + var_b else 1.0
        qualities.append(luminance * structure)
    return np.mean(qualities)


@pytest.mark.parametrize("top", [255, 65535])
def test_uiqi_equals_brute_force_flat_windows_included(top):
    prediction, truth = textured_pair((1, 3, 24, 21), noise=0.05 * top, top=top)
    prediction[..., :12], truth[..., :12] = 7, 11
    prediction[0, 2, :9], truth[0, 2, :9] = 0, 0
    prediction[0, 1, 3, 4] += 1
    scores = score(prediction, truth, data_range=top, shave=0)
    pairs = zip(prediction[0].double().numpy(), truth[0].double().numpy(), strict=True)
    expected = [brute_force_uiqi(p, t) for p, t in pairs]
    np.testing.assert_allclose(scores.band["uiqi"][0], expected, rtol=1e-9)
    assert scores.chip["uiqi"].item() == pytest.approx(np.mean(expected), rel=1e-9)


def test_uiqi_of_flat_fractional_images_compares_their_means():
    truth = torch.full((1, 1, 20, 20), 0.1)
    quality = score(3 * truth, truth, data_range=1).chip["uiqi"].item()
    assert quality == pytest.approx(2 * 3 / (3**2 + 1), rel=1e-6)


def test_uiqi_takes_rounding_of_floating_point_data_for_flat():
    truth = torch.full((1, 1, 20, 20), 0.1)
    prediction = truth.clone()
    prediction[..., ::2] = torch.nextafter(truth, 2 * truth)[..., ::2]
    quality = score(prediction, truth, data_range=1).chip["uiqi"].item()
    assert quality == pytest.approx(1)


def test_sam_equals_torchmetrics_for_spectra_that_are_not_zero():
    prediction, truth = (image.double() for image in textured_pair((2, 4, 20, 20)))
    expected = spectral_angle_mapper(prediction, truth, reduction="none").mean(dim=(1, 2))
    scores = score(prediction, truth, data_range=255, shave=0)
    torch.testing.assert_close(scores.chip["sam"], torch.rad2deg(expected))


@pytest.mark.parametrize(
    ("prediction", "truth", "degrees"),
    [
        ([1, 0], [0, 3], 90),
        ([1, 1], [5, 0], 45),
        ([2, 4], [1, 2], 0),
        ([1, 2], [-1, -2], 180),
        ([0, 0], [0, 0], 0),
        ([0, 0], [3, 4], 90),
        ([3, 4], [0, 0], 90),
    ],
)
def test_sam_of_single_spectra(prediction, truth, degrees):
    images = [torch.tensor(s).view(1, 2, 1, 1).expand(1, 2, 3, 3) for s in (prediction, truth)]
    angle = score(*images, data_range=255, shave=0).chip["sam"].item()
    assert angle == pytest.approx(degrees, abs=1e-12)


def test_one_band_has_no_spectral_angle():
    scores = score(*textured_pair((2, 1, 20, 20)), data_range=255)
    assert scores.chip["sam"].isnan().all()


@pytest.mark.parametrize("ratio", [2, 4])
def test_ergas_equals_walds_formula_and_torchmetrics(ratio):
    prediction, truth = (image.double() for image in textured_pair((2, 3, 20, 24)))
    scores = score(prediction, truth, data_range=255, shave=0, ratio=ratio)
    p, t = prediction.numpy(), truth.numpy()
    relative = np.sqrt(((p - t) ** 2).mean(axis=(2, 3))) / t.mean(axis=(2, 3))
    by_hand = 100 / ratio * np.sqrt((relative**2).mean(axis=1))
    library = error_relative_global_dimensionless_synthesis(
        prediction, truth, ratio=ratio, reduction="none"
    )
    np.testing.assert_allclose(scores.chip["ergas"], by_hand)
    np.testing.assert_allclose(scores.band["ergas"], 100 / ratio * relative)
    torch.testing.assert_close(scores.chip["ergas"], library)


def test_ergas_of_negative_numbers_is_positive():
    prediction, truth = textured_pair((1, 2, 20, 20))
    expected = score(prediction, truth, data_range=255).band["ergas"]
    torch.testing.assert_close(score(-prediction, -truth, data_range=255).band["ergas"], expected)


def test_ergas_is_nan_where_a_band_of_the_truth_has_mean_zero():
    prediction, truth = textured_pair((2, 2, 20, 20))
    truth[1, 0] = 0
    scores = score(prediction, truth, data_range=255)
    assert scores.band["ergas"].isnan().tolist() == [[False, False], [True, False]]
    assert scores.chip["ergas"].isnan().tolist() == [False, True]


def test_identical_images_score_the_best_finite_values():
    _, truth = textured_pair((1, 4, 192, 192))
    scores = score(truth, truth, data_range=255, only=NAMES)
    best = {"psnr": PSNR_CAP, "ssim": 1, "ms_ssim": 1, "rmse": 0, "sam": 0, "ergas": 0, "uiqi": 1}
    assert {name: value.item() for name, value in scores.chip.items()} == pytest.approx(best)
    assert all(
        scores.band[name][0].tolist() == pytest.approx([best[name]] * 4)
        for name in best
        if name != "sam"
    )


def test_every_metric_falls_with_noise_in_its_stated_direction():
    weak, truth = textured_pair((1, 4, 192, 192), noise=4.0)
    strong, _ = textured_pair((1, 4, 192, 192), noise=16.0)
    better, worse = (score(image, truth, data_range=255, only=NAMES) for image in (weak, strong))
    assert list(better.chip) == list(NAMES)
    assert list(better.band) == BAND_METRICS
    for name in NAMES:
        metric = METRICS[name]
        assert (better.chip[name] > worse.chip[name]).all() == metric.higher_is_better
        assert (better.chip[name] < worse.chip[name]).all() != metric.higher_is_better


def test_pixels_within_the_shave_do_not_count_and_the_next_do():
    truth = torch.full((1, 2, 24, 24), 50.0)
    border = truth.clone()
    border[..., :4, :] = border[..., -4:, :] = border[..., :4] = border[..., -4:] = 200
    perfect = score(border, truth, data_range=255, shave=4)
    assert perfect.chip["rmse"].item() == 0
    assert perfect.chip["sam"].item() == 0
    inside = truth.clone()
    inside[..., 4, 4] = 66
    assert score(inside, truth, data_range=255, shave=4).chip["rmse"].item() == 1


def test_each_chip_of_a_batch_scores_as_it_does_alone():
    prediction, truth = textured_pair((3, 2, 24, 30))
    together = score(prediction, truth, data_range=255)
    for b in range(3):
        alone = score(prediction[b : b + 1], truth[b : b + 1], data_range=255)
        for name in NAMES:
            torch.testing.assert_close(alone.chip[name][0], together.chip[name][b], equal_nan=True)


@pytest.mark.parametrize(
    ("side", "undefined"),
    [
        (175, {"ms_ssim"}),
        (176, set()),
        (11, {"ms_ssim"}),
        (10, {"ms_ssim", "ssim"}),
        (8, {"ms_ssim", "ssim"}),
        (7, {"ms_ssim", "ssim", "uiqi"}),
        (1, {"ms_ssim", "ssim", "uiqi"}),
    ],
)
def test_scores_whose_window_does_not_fit_are_nan(side, undefined):
    scores = score(*textured_pair((1, 2, side, 176)), data_range=255, shave=0)
    assert {name for name in NAMES if scores.chip[name].isnan().any()} == undefined
    assert {name for name in BAND_METRICS if scores.band[name].isnan().any()} == undefined


def test_a_missing_value_is_never_hidden():
    prediction, truth = textured_pair((2, 2, 184, 184))
    prediction[1, 0, 90, 90] = torch.nan
    scores = score(prediction, truth, data_range=255)
    for name in NAMES:
        assert scores.chip[name].isnan().tolist() == [False, True]


@given(seed=st.integers(0, 2**16), noise=st.floats(0, 200), turns=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_scores_are_bounded_and_do_not_depend_on_orientation_or_band_order(seed, noise, turns):
    prediction, truth = textured_pair((1, 3, 16, 19), noise, seed)
    scores = score(prediction, truth, data_range=255, shave=2)
    turned = [image.flip(1).rot90(turns, (2, 3)) for image in (prediction, truth)]
    for name, value in score(*turned, data_range=255, shave=2).chip.items():
        torch.testing.assert_close(value, scores.chip[name], equal_nan=True)
    assert -1 <= scores.chip["uiqi"].item() <= 1 + 1e-12
    assert -1 <= scores.chip["ssim"].item() <= 1 + 1e-12
    assert 0 <= scores.chip["sam"].item() <= 90


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_scores_do_not_depend_on_the_dtype(dtype):
    prediction, truth = textured_pair((1, 2, 24, 24))
    expected = score(prediction.double(), truth.double(), data_range=255)
    for name, value in score(prediction.to(dtype), truth.to(dtype), data_range=255).chip.items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(value, expected.chip[name], rtol=0, atol=0, equal_nan=True)


IMAGE = torch.ones(1, 2, 8, 12)


@pytest.mark.parametrize(
    ("prediction", "options", "words"),
    [
        (torch.ones(1, 2, 8, 13), {}, r"\(1, 2, 8, 13\) and \(1, 2, 8, 12\)"),
        (IMAGE, {"shave": 4}, "got 4 for 8 x 12"),
        (IMAGE, {"shave": -1}, "got -1"),
        (IMAGE, {"data_range": 0}, "data_range .* got 0"),
        (IMAGE, {"data_range": -255}, "data_range .* got -255"),
        (IMAGE, {"data_range": math.nan}, "data_range .* got nan"),
        (IMAGE, {"data_range": math.inf}, "data_range .* got inf"),
        (IMAGE, {"ratio": 0}, "ratio .* got 0"),
    ],
)
def test_bad_input_is_refused_by_name_and_value(prediction, options, words):
    with pytest.raises(ValueError, match=words):
        score(prediction, IMAGE, **{"data_range": 255, "shave": 1, **options})


@pytest.mark.parametrize("shape", [(2, 8, 12), (0, 2, 8, 12), (1, 0, 8, 12)])
def test_images_of_unusable_shape_are_refused(shape):
    with pytest.raises(ValueError, match=str(shape[0])):
        score(torch.ones(shape), torch.ones(shape), data_range=255, shave=1)


@pytest.mark.parametrize("only", [("psnr",), ("ssim", "sam"), ("rmse", "ergas", "ms_ssim")])
def test_what_is_asked_for_is_what_it_is_among_all(only):
    prediction, truth = textured_pair((2, 3, 200, 190))
    every = score(prediction, truth, data_range=255)
    some = score(prediction, truth, data_range=255, only=only)
    assert set(some.chip) == set(only)
    assert set(some.band) == set(only) - {"sam"}
    for name in some.chip:
        assert torch.equal(some.chip[name], every.chip[name])
    for name in some.band:
        assert torch.equal(some.band[name], every.band[name])


@given(seed=st.integers(0, 9999), rubbish=st.sampled_from([0.0, -9999.0, 1e30, math.inf, math.nan]))
@settings(max_examples=25, deadline=None)
def test_invalid_pixels_carry_no_weight_in_any_metric(seed, rubbish):
    generator = torch.Generator().manual_seed(seed)
    prediction, truth = textured_pair((2, 4, 48, 48), seed=seed)
    valid = torch.rand(truth.shape, generator=generator) > 0.003
    lr = torch.nn.functional.avg_pool2d(truth, 2)
    lr_valid = torch.nn.functional.avg_pool2d(valid.float(), 2) == 1
    options = {
        "data_range": 255, "lr": lr, "valid": valid, "lr_valid": lr_valid,
        "downscale": lambda images: torch.nn.functional.avg_pool2d(images, 2),
    }  # fmt: skip
    expected = score(prediction, truth, **options)
    spoilt = score(prediction.where(valid, rubbish), truth, **options)
    for name, values in expected.chip.items():
        if name != "ms_ssim":
            assert values.isfinite().all(), name
        torch.testing.assert_close(spoilt.chip[name], values, equal_nan=True, rtol=0, atol=0)


def test_metrics_of_pixels_are_means_over_the_valid_ones():
    prediction, truth = textured_pair((1, 3, 40, 40), seed=1)
    valid = torch.ones_like(truth, dtype=torch.bool)
    valid[:, 1, :20] = False
    scores = score(prediction, truth, data_range=255, shave=0, valid=valid)
    squares = (prediction - truth).double().square()
    assert scores.chip["rmse"].item() == pytest.approx(squares[valid].mean().sqrt().item())
    assert scores.chip["psnr"].item() == pytest.approx(
        10 * math.log10(255**2 / squares[valid].mean().item())
    )
    below = score(prediction[:, :, 20:], truth[:, :, 20:], data_range=255, shave=0)
    for name in ("psnr", "ssim", "rmse", "ergas", "uiqi"):
        assert scores.band[name][0, 1].item() == pytest.approx(below.band[name][0, 1].item()), name
    assert scores.chip["sam"].item() == pytest.approx(below.chip["sam"].item())


@pytest.mark.parametrize("all_valid", [None, torch.ones(1, 4, 180, 180, dtype=torch.bool)])
def test_a_mask_without_invalid_pixels_changes_nothing(all_valid):
    prediction, truth = textured_pair((1, 4, 180, 180), seed=2)
    expected = score(prediction, truth, data_range=255)
    found = score(prediction, truth, data_range=255, valid=all_valid)
    for name, values in expected.chip.items():
        torch.testing.assert_close(found.chip[name], values, equal_nan=True, rtol=1e-12, atol=1e-12)
