import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.autograd import gradcheck

from sen2naip_sr.models.interpolation import INTERPOLATIONS, Interpolation, upscale_bicubic

PILLOW = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic_pil": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
RECEPTIVE_FIELDS = {"nearest": 0, "bilinear": 1, "bicubic": 2, "bicubic_pil": 2, "lanczos": 3}


def picture(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def cubic_kernel(x, a):
    x = abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def cubic_matrix(size, a):
    """Return the (2 size, size) matrix of Keys' interpolation with a replicated border."""
    matrix = np.zeros((2 * size, size))
    for row in range(2 * size):
        centre = (row + 0.5) / 2 - 0.5
        for k in range(-4, size + 4):
            matrix[row, min(max(k, 0), size - 1)] += cubic_kernel(centre - k, a)
    return matrix


@pytest.mark.parametrize("method", PILLOW)
def test_equals_pillow(method):
    image = picture(17, 22)
    resized = Image.fromarray(image.numpy()).resize((44, 34), PILLOW[method])
    enlarged = Interpolation(method)(image[None, None])[0, 0].numpy()
    # Pillow drops the weights outside of the image; Lanczos here replicates the border.
    inner = (slice(6, -6), slice(6, -6)) if method == "lanczos" else ...
    np.testing.assert_allclose(enlarged[inner], np.asarray(resized)[inner], atol=1e-6)


def test_bicubic_is_keys_interpolation_with_a_of_three_quarters():
    image = picture(1, 2, 7, 9, dtype=torch.float64)
    rows, columns = cubic_matrix(7, -0.75), cubic_matrix(9, -0.75)
    expected = rows @ image.numpy() @ columns.T
    np.testing.assert_allclose(Interpolation("bicubic")(image), expected, atol=1e-12)
    np.testing.assert_allclose(upscale_bicubic(image), expected, atol=1e-12)


def test_bicubic_pil_is_keys_interpolation_with_a_of_one_half_away_from_the_border():
    image = picture(1, 1, 9, 8, dtype=torch.float64)
    expected = cubic_matrix(9, -0.5) @ image.numpy() @ cubic_matrix(8, -0.5).T
    enlarged = Interpolation("bicubic_pil")(image).numpy()
    np.testing.assert_allclose(enlarged[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=1e-12)


def test_lanczos_replicates_the_border():
    image = picture(1, 1, 6, 5)
    padded = torch.nn.functional.pad(image, (9, 9, 9, 9), mode="replicate")
    lanczos = Interpolation("lanczos")
    torch.testing.assert_close(lanczos(image), lanczos(padded)[..., 18:-18, 18:-18])


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_receptive_field_is_what_gradients_reach(method):
    model = Interpolation(method)
    image = picture(1, 2, 15, 15, dtype=torch.float64).requires_grad_()
    model(image)[0, 0, 14:16, 14:16].square().sum().backward()
    reached = image.grad[0].ne(0).nonzero()
    assert model.receptive_field == RECEPTIVE_FIELDS[method]
    assert reached[:, 0].unique().tolist() == [0]
    for axis in (1, 2):
        assert reached[:, axis].min() == 7 - model.receptive_field
        assert reached[:, axis].max() == 7 + model.receptive_field


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_a_tile_with_its_halo_equals_the_whole_image(method):
    model = Interpolation(method)
    image = picture(1, 2, 16, 18)
    halo = model.receptive_field
    tile = image[..., 5 - halo : 9 + halo, 6 - halo : 12 + halo]
    inner = model(tile)[..., 2 * halo : 2 * halo + 8, 2 * halo : 2 * halo + 12]
    torch.testing.assert_close(inner, model(image)[..., 10:18, 12:24])


@pytest.mark.parametrize("method", INTERPOLATIONS)
@given(b=st.integers(1, 2), c=st.integers(1, 5), h=st.integers(1, 9), w=st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_any_size_keeps_constants_symmetry_and_linearity(method, b, c, h, w):
    model = Interpolation(method)
    image = picture(b, c, h, w)
    enlarged = model(image)
    assert enlarged.shape == (b, c, 2 * h, 2 * w)
    torch.testing.assert_close(model(torch.full_like(image, 3.25)), torch.full_like(enlarged, 3.25))
    for turn in (lambda t: t.flip(-1), lambda t: t.flip(-2), lambda t: t.transpose(-1, -2)):
        torch.testing.assert_close(model(turn(image)), turn(enlarged))
    torch.testing.assert_close(model(300 * image - 7), 300 * enlarged - 7, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("method", [m for m in INTERPOLATIONS if m != "nearest"])
def test_a_ramp_is_placed_by_pixel_centres(method):
    ramp = torch.arange(16.0).expand(1, 1, 4, 16)
    row = Interpolation(method)(ramp)[0, 0, 4]
    expected = torch.arange(32) / 2 - 0.25
    tolerance = {"lanczos": 0.03, "bicubic": 0.05}.get(method, 1e-5)
    torch.testing.assert_close(row[8:-8], expected[8:-8], atol=tolerance, rtol=0)


@pytest.mark.parametrize("method", ["bicubic", "bicubic_pil", "lanczos"])
def test_overshoot_next_to_an_edge_is_not_clipped(method):
    edge = torch.cat((torch.zeros(1, 1, 8, 4), torch.ones(1, 1, 8, 4)), dim=-1)
    enlarged = Interpolation(method)(edge)
    assert enlarged.min() < 0
    assert enlarged.max() > 1


@pytest.mark.parametrize("method", INTERPOLATIONS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_only_once(method, dtype):
    image = picture(1, 3, 6, 7).to(dtype)
    model = Interpolation(method)
    assert torch.equal(model(image), model(image.float()).to(dtype))


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_autocast_leaves_full_precision(method):
    image = picture(1, 3, 6, 7)
    model = Interpolation(method)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = model(image)
    assert torch.equal(under_autocast, model(image))


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_compiles_as_one_graph_in_half_precision(method):
    torch.compiler.reset()
    image = picture(1, 2, 6, 7).bfloat16()
    model = Interpolation(method)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), model(image))


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_gradients_are_right(method):
    image = picture(1, 1, 4, 3, dtype=torch.float64).requires_grad_()
    assert gradcheck(Interpolation(method), (image,))


@pytest.mark.parametrize("method", INTERPOLATIONS)
def test_is_a_network_without_weights(method):
    model = copy.deepcopy(Interpolation(method))
    assert model.state_dict() == {}
    assert model.multiple == 1
    assert method in repr(model)


def test_an_unknown_method_is_answered_with_the_valid_names():
    with pytest.raises(ValueError, match=r"'cubic'.*nearest, bilinear, bicubic, bicubic_pil"):
        Interpolation("cubic")
