import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.landscape.generator import STYLES, landscape
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.models.linear import (
    LinearFilter,
    LinearFit,
    first_phase,
    shipped_filter,
    turned,
)
from sen2naip_sr.models.registry import build_model

PHASES = [(0, 0), (0, 1), (1, 0), (1, 1)]


def images(seed, count=3, bands=2, size=(18, 21)):
    """Return LR images of random bytes, and truth that has nothing to do with them."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, bands, *size), np.uint8)
    large = random.integers(0, 256, (count, bands, 2 * size[0], 2 * size[1]), np.uint8)
    return small, large


def random_kernels(seed, bands=2):
    """Return filters (bands, 4, 9, 9) whose weights sum to one."""
    kernels = np.random.default_rng(seed).normal(size=(bands, 4, 9, 9))
    kernels[..., 4, 4] += 1 - kernels.sum((-2, -1))
    return kernels


def filtered(small, kernels):
    """Return what filters make of an image, computed by scipy."""
    result = np.zeros((len(small), 2 * small.shape[1], 2 * small.shape[2]))
    for band, phases in enumerate(kernels):
        for (row, column), kernel in zip(PHASES, phases, strict=True):
            result[band, row::2, column::2] = correlate(
                small[band].astype(float), kernel, mode="nearest"
            )
    return result


def fitted(small, large, step=1):
    fit = LinearFit(small.shape[1])
    for pair in zip(small, large, strict=True):
        fit.add(*pair, step)
    return fit.solve()


@pytest.mark.parametrize("step", [1, 2])
def test_the_fit_is_that_of_lstsq_on_explicit_patches(step):
    small, large = images(0, count=6 if step == 2 else 3, size=(26, 27))
    kernels = fitted(small, large, step).kernels.numpy()
    for band in range(2):
        for phase, (row, column) in enumerate(PHASES):
            patches, targets = [], []
            for lr, hr in zip(small.astype(float), large.astype(float), strict=True):
                for y in range(4, lr.shape[1] - 4, step):
                    for x in range(4, lr.shape[2] - 4, step):
                        middle = lr[band, y, x]
                        patch = lr[band, y - 4 : y + 5, x - 4 : x + 5].ravel() - middle
                        patches.append(np.delete(patch, 40))
                        targets.append(hr[band, 2 * y + row, 2 * x + column] - middle)
            expected, *_ = np.linalg.lstsq(np.array(patches), np.array(targets), rcond=None)
            found = np.delete(kernels[band, phase].ravel(), 40)
            np.testing.assert_allclose(found, expected, atol=1e-6)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_the_filter_that_made_the_truth_is_found(seed):
    small, _ = images(seed)
    kernels = random_kernels(seed)
    large = np.stack([filtered(image, kernels) for image in small])
    found = fitted(small, large)
    np.testing.assert_allclose(found.kernels.numpy(), kernels, atol=1e-4)
    result = found(torch.from_numpy(small[:1].astype(np.float32)))[0].numpy()
    np.testing.assert_allclose(result, large[0], atol=0.05)


def test_a_known_downscaling_is_undone():
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (4, 2, 24, 24), np.uint8)
    # where pixels are repeated, their mean is known to be undone by repeating it
    large = small.repeat(2, axis=2).repeat(2, axis=3)
    assert (large.reshape(4, 2, 24, 2, 24, 2).mean((3, 5)) == small).all()
    result = fitted(small, large)(torch.from_numpy(small.astype(np.float32))).numpy()
    np.testing.assert_allclose(result, large, atol=1e-3)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_scale_and_offset_of_the_values_do_not_matter(seed, scale, offset):
    (small, *_), (large, *_) = images(seed, count=1, size=(20, 20))
    fit = fitted(small[None].astype(float), large[None].astype(float))
    image = torch.rand((1, 2, 5, 7), generator=torch.Generator().manual_seed(seed))
    size = scale * float(fit.kernels.abs().sum((-2, -1)).max()) + abs(offset)
    torch.testing.assert_close(
        fit(scale * image + offset), scale * fit(image) + offset, rtol=0, atol=1e-5 * size
    )


def test_even_ground_stays():
    filters = LinearFilter(random_kernels(1))
    ground = torch.full((1, 2, 6, 5), 0.25)
    torch.testing.assert_close(filters(ground), torch.full((1, 2, 12, 10), 0.25))


def test_nothing_to_learn_from_repeats_the_pixels():
    image = torch.rand((1, 2, 5, 7), generator=torch.Generator().manual_seed(0))
    repeated = image.repeat_interleave(2, 2).repeat_interleave(2, 3)
    empty = LinearFit(2)
    torch.testing.assert_close(empty.solve()(image), repeated)
    # images smaller than a neighbourhood, and even ones
    empty.add(np.zeros((2, 8, 30), np.uint8), np.ones((2, 16, 60), np.uint8))
    empty.add(np.full((2, 12, 12), 7, np.uint8), np.full((2, 24, 24), 7, np.uint8))
    torch.testing.assert_close(empty.solve()(image), repeated)


def test_the_fit_is_deterministic():
    small, large = images(3)
    first, second = (fitted(small, large).kernels for _ in range(2))
    assert torch.equal(first, second)


def test_a_tile_with_its_halo_gives_what_the_image_gives():
    filters = LinearFilter(random_kernels(2))
    image = torch.rand((1, 2, 30, 28), generator=torch.Generator().manual_seed(0))
    halo = filters.receptive_field
    tile = filters(image[..., 8 - halo : 16 + halo, 10 - halo : 20 + halo])
    inside = tile[..., 2 * halo : -2 * halo, 2 * halo : -2 * halo]
    torch.testing.assert_close(inside, filters(image)[..., 16:32, 20:40])


def test_images_with_other_bands_are_refused():
    with pytest.raises(UserError, match="built for 2 bands and got 3"):
        LinearFilter(random_kernels(0))(torch.zeros(1, 3, 9, 9))


def test_the_shipped_filter_serves_any_number_of_bands():
    image = torch.rand((1, 3, 9, 11), generator=torch.Generator().manual_seed(0))
    single = build_model("linear", 1)
    alone = torch.cat([single(image[:, [band]]) for band in range(3)], dim=1)
    torch.testing.assert_close(build_model("linear", 3)(image), alone)


def test_the_shipped_filter_has_no_preferred_direction():
    model = build_model("linear", 2).double()
    image = torch.rand((1, 2, 12, 9), generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(model(image.mT), model(image).mT)
    for axis in (-2, -1):
        torch.testing.assert_close(model(image.flip(axis)), model(image).flip(axis))


def test_the_shipped_filter_keeps_even_ground():
    ground = torch.full((1, 2, 6, 5), 0.25)
    torch.testing.assert_close(build_model("linear", 2)(ground), torch.full((1, 2, 12, 10), 0.25))


def test_the_shipped_filter_inverts_more_of_the_recipe_than_interpolations():
    truth = torch.from_numpy(landscape(3, STYLES[0], 128).astype(np.float32))[None]
    small = get_recipe("bicubic_antialiased").downscale(truth, None)
    errors = {
        name: float((build_model(name, 4)(small) - truth)[..., 8:-8, 8:-8].square().mean())
        for name in ("linear", *INTERPOLATIONS)
    }
    assert errors.pop("linear") < 0.9 * min(errors.values())


def test_the_first_phase_of_a_symmetric_filter_is_its_own():
    shipped = shipped_filter(4)
    kernel = first_phase(shipped)
    np.testing.assert_allclose(turned(kernel)[0], shipped.kernels[2].numpy(), atol=1e-7)
