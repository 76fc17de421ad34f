"""Attributions: complete, local, exact under tiling, and in agreement with Captum."""

import numpy as np
import pytest
import torch
from explained import image, small_lean

from sen2naip_sr.explain.attribution.bands import band_matrix, windows_by_class
from sen2naip_sr.explain.attribution.measures import band_shares, gini, spread
from sen2naip_sr.explain.attribution.path import (
    all_detail,
    blur_path,
    blurred,
    detail,
    integrate,
    local_path,
)
from sen2naip_sr.explain.attribution.sanity import rank_correlation, with_random_weights
from sen2naip_sr.explain.blur import Blur
from sen2naip_sr.explain.land_cover import CLASSES, classify
from sen2naip_sr.explain.parameters import AttributionParameters
from sen2naip_sr.explain.subjects import reference, subject_of
from sen2naip_sr.explain.windows import Window, most_detailed_window
from sen2naip_sr.inference.values import normalise
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.shipped import load_shipped

BLUR = Blur(1.2, 9)
LR = torch.from_numpy(normalise(image().lr, (0.0, 255.0)))


@pytest.fixture(scope="module")
def shipped():
    """The shipped Lean, and a path at the most detailed window of an image."""
    weights = load_shipped("lean")
    assert weights
    subject = subject_of("lean", "Lean", weights.build(), 4)
    window = most_detailed_window(image().lr, 8, subject.reach)
    assert window
    return subject, local_path(LR, window, subject.reach, 100, BLUR)


def test_the_shipped_lean_s_map_is_complete(shipped):
    subject, path = shipped
    found = integrate(subject.local, path, all_detail)
    assert found.change.sum() > 0
    assert found.completeness_error < 0.01


def test_a_map_agrees_with_captum_along_the_same_path(shipped):
    """Captum sums short straight lines from each image of the path to the next."""
    captum = pytest.importorskip("captum.attr")
    subject, path = shipped
    short = path[::4]
    own = integrate(subject.local, short, all_detail).values[0]
    theirs = captum.IntegratedGradients(lambda x: all_detail(subject.local(x)).sum(1)).attribute(
        short[1:].float(), baselines=short[:-1].float(), n_steps=2, method="riemann_middle"
    )
    total = theirs.sum(dim=0)
    assert np.corrcoef(own.flatten(), total.flatten())[0, 1] > 0.999


def test_the_straight_path_of_captum_leads_to_a_similar_map_on_the_trained_lean(shipped):
    """The paths differ: the blur takes away the highest frequencies first, a line all alike."""
    pytest.importorskip("captum")
    from sen2naip_sr.explain.attribution.captum_maps import captum_maps

    subject, path = shipped
    own = integrate(subject.local, path[::4], all_detail).values[0]
    options = {"image": path[-1], "baseline": path[0], "detect": all_detail, "steps": 20, "seed": 0}
    maps = captum_maps(subject.local, **options)
    assert np.corrcoef(own.flatten(), maps.integrated.flatten())[0, 1] > 0.75
    line = torch.stack([path[0].lerp(path[-1], k / 20) for k in range(21)])
    straight = integrate(subject.local, line, all_detail).values[0]
    assert np.corrcoef(straight.flatten(), maps.integrated.flatten())[0, 1] > 0.999
    assert maps.occlusion.shape == maps.smoothed.shape == path[0].shape
    again = captum_maps(subject.local, **options)
    assert torch.equal(again.smoothed, maps.smoothed)


def test_random_weights_change_the_shipped_lean_s_map(shipped):
    subject, path = shipped
    short = path[::4]
    own = integrate(subject.local, short, all_detail).values
    for seed in (0, 1):
        other = integrate(with_random_weights(subject.local, seed), short, all_detail).values
        assert abs(rank_correlation(own, other)) < 0.3
    assert rank_correlation(own, own) == pytest.approx(1)


def test_shuffled_weights_are_the_same_numbers():
    network = small_lean().local
    shuffled = with_random_weights(network, 0)
    for before, after in zip(network.parameters(), shuffled.parameters(), strict=True):
        assert torch.equal(before.flatten().sort().values, after.flatten().sort().values)
    assert not torch.equal(
        network.network.body[0].first.weight, shuffled.network.body[0].first.weight
    )


@pytest.mark.parametrize("name", ["lean", "carn", "unet"])
def test_a_window_s_map_is_that_of_the_whole_image(name):
    """Tiling changes nothing: what lies beyond the receptive field contributes nothing."""
    torch.manual_seed(0)
    sizes = {"lean": {"channels": 4, "blocks": 1}, "carn": {"channels": 8, "blocks": 1, "units": 1}}
    sizes["unet"] = {"widths": [4, 8]}
    model = build_model(name, 4, **sizes[name]).eval()
    for values in model.parameters():
        torch.nn.init.normal_(values, std=0.1)
    subject = subject_of(name, name, model, 4)
    window = Window(24, 20, 4, 8)
    cut = integrate(subject.local, local_path(LR, window, subject.reach, 6, BLUR), all_detail)

    def detect(result):
        inside = result[..., 48:56, 40:56]
        return all_detail(inside)

    whole = integrate(model.requires_grad_(False), blur_path(LR, 6, 1.2, 9), detect)
    inside = window.cut(whole.values, subject.reach)
    assert torch.allclose(inside, cut.values, rtol=1e-3, atol=1e-5 * float(inside.abs().max()))
    total = whole.values.abs().sum()
    assert float(total - inside.abs().sum()) < 1e-5 * float(total)


def test_flat_areas_have_finite_attributions():
    subject = small_lean()
    flat = torch.full((4, 40, 40), 0.5)
    window = Window(16, 16, 4, 4)
    found = integrate(subject.local, local_path(flat, window, subject.reach, 4, BLUR), all_detail)
    assert torch.isfinite(found.values).all()
    assert found.completeness_error in (0.0, 1.0) or found.completeness_error < 1


def test_bicubic_sees_its_kernel_and_its_own_band_only():
    plain = reference(4)
    assert plain.reach == 2
    window = Window(20, 20, 6, 6)
    matrix = band_matrix(plain.local, LR, window, plain.reach, AttributionParameters())
    assert np.allclose(matrix, np.eye(4))


def test_a_band_that_is_not_read_has_no_share():
    subject = small_lean()
    subject.network.model.entry.weight.data[:, 2] = 0
    window = Window(20, 20, 6, 6)
    matrix = band_matrix(subject.local, LR, window, subject.reach, AttributionParameters())
    assert np.allclose(matrix.sum(axis=0), 1)
    # of blue only the bicubic part is left, which goes to blue
    assert np.allclose(matrix[2, [0, 1, 3]], 0)
    assert matrix[2, 2] > 0


def test_targets_by_band_add_up_to_the_target_of_all():
    subject = small_lean()
    path = local_path(LR, Window(20, 20, 6, 6), subject.reach, 5, BLUR)
    bands, whole = (integrate(subject.local, path, target) for target in (detail, all_detail))
    assert torch.allclose(bands.values.sum(dim=0), whole.values[0], atol=1e-7)
    assert torch.allclose(bands.change.sum(), whole.change.sum())


def test_the_blur_is_a_gaussian_one_and_ends_with_the_image():
    from scipy.ndimage import gaussian_filter1d

    values = LR.double()
    expected = values.numpy()
    for axis in (1, 2):
        expected = gaussian_filter1d(expected, 1.2, axis, mode="mirror", radius=4)
    assert np.allclose(blurred(values, 1.2, 9).numpy(), expected)
    path = blur_path(LR, 4, 1.2, 9)
    assert path.shape == (5, *LR.shape)
    assert torch.equal(path[-1], values)


def test_measures_of_maps_that_are_known():
    values = np.zeros((1, 21, 21))
    values[0, 10, 10] = 1
    single = spread(values, 3, 3)
    assert (single.pixels_95, single.radius, single.outside) == (1, 0, 0)
    assert single.diffusion_index < 0.01
    even = spread(np.ones((1, 21, 21)), 3, 3)
    assert even.pixels_95 == np.ceil(0.95 * 441)
    assert even.outside == pytest.approx(1 - 9 / 441)
    assert spread(np.ones((1, 128, 128)), 3, 3).diffusion_index == pytest.approx(100)
    assert spread(np.zeros((1, 5, 5)), 3, 3).pixels_95 == 0
    # the frame makes the index independent of zeros around
    padded = np.pad(values, ((0, 0), (10, 10), (10, 10)))
    assert spread(padded, 3, 3).diffusion_index == single.diffusion_index


def test_the_gini_coefficient_is_half_the_mean_difference_over_the_mean():
    values = np.random.default_rng(0).exponential(size=50)
    pairs = np.abs(values[:, None] - values[None]).mean()
    assert gini(values) == pytest.approx(pairs / (2 * values.mean()))


def test_band_shares_of_signed_values():
    values = np.zeros((2, 2, 1, 2))
    values[0, 0] = [[3, -3]]
    values[0, 1] = [[1, 1]]
    assert band_shares(values).tolist() == [[0.75, 0], [0.25, 0]]


def test_land_cover_of_pixels_of_each_kind():
    pixels = {
        "vegetation": (0.1, 0.15, 0.1, 0.5),
        "water": (0.05, 0.1, 0.12, 0.03),
        "built": (0.6, 0.6, 0.6, 0.6),
        "bare": (0.5, 0.4, 0.3, 0.5),
    }
    picture = np.array(list(pixels.values())).T[:, None]
    found = classify(picture)
    assert [CLASSES[n] for n in found[0]] == list(pixels)
    assert classify(picture[:3]) is None


def test_every_class_with_a_window_gets_one():
    picture = np.random.default_rng(0).random((4, 40, 40)) / 10
    classes = np.zeros((40, 40), int)
    classes[:, 20:] = 2
    main = Window(10, 8, 4, 4)
    found = windows_by_class(picture, classes, main, 5, 1)
    assert list(found) == ["vegetation", "built"]
    assert found["vegetation"] == main
    assert (classes[found["built"].around(0)] == 2).mean() >= 0.5
    assert windows_by_class(picture, None, main, 5, 1) == {"": main}
