"""Flat areas are calmed, textured ones kept, and tiles give what the whole gives."""

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch.nn.functional import interpolate

from sen2naip_sr.inference.flat_areas import (
    COMMON,
    MOST,
    RAMP,
    REACH,
    SIDE,
    TEXTURED,
    CalmedNetwork,
    Calming,
    calmed,
    choose_calming,
    flatness,
)
from sen2naip_sr.inference.internals import has_nnpack
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.models.interpolation import upscale_bicubic
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget

RANGE = (0.0, 255.0)
ENDS = (8.0, 8.0, 8.0, 8.0)
FULL, HALF = Calming(MOST, ENDS), Calming(0.5, ENDS)


def grain(size, deviation, seed=0):
    """Return white noise around a middle grey, (1, 4, h, w), in [0, 1]."""
    noise = torch.randn(1, 4, *size, generator=torch.Generator().manual_seed(seed))
    return 0.5 + deviation / 255 * noise


def halves(quiet=1.0, busy=40.0):
    image = grain((48, 96), quiet)
    image[..., 48:] = grain((48, 48), busy, seed=1)
    return image


def trained(blocks=1):
    torch.manual_seed(0)
    model = build_model("lean", 4, channels=4, blocks=blocks).eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(torch.randn_like(values), alpha=0.1)
    return model


def test_weak_grain_is_flat_and_strong_structure_is_not():
    found = flatness(halves(), ENDS)[0, 0]
    assert found.shape == (96, 192)
    assert found[:, : 96 - 2 * REACH].min() == 1
    assert found[:, 96 + 2 * REACH :].max() == 0


def test_structure_is_the_deviation_from_a_local_mean():
    image = halves(3, 9)
    levels = 255 * image[0].double().numpy()
    deviations = levels - uniform_filter(levels, (0, SIDE, SIDE))
    energy = uniform_filter(deviations**2, (0, SIDE, SIDE))
    ramp = np.clip(np.log(8 / np.sqrt(energy)) / np.log(RAMP), 0, 1)
    smooth = torch.from_numpy(ramp**2 * (3 - 2 * ramp))[None]
    expected = interpolate(smooth, scale_factor=2, mode="bilinear")
    inner = np.s_[..., 2 * REACH : -2 * REACH, 2 * REACH : -2 * REACH]
    assert 0.1 < expected[inner].std()
    torch.testing.assert_close(
        flatness(image, ENDS).double()[inner], expected[inner], atol=1e-5, rtol=0
    )


def test_gradients_are_flat():
    slope = torch.linspace(0.1, 0.9, 200).expand(1, 4, 60, 200)
    assert flatness(slope, ENDS)[..., 40:-40].min() == 1


def test_constant_images_stay_as_they_are():
    image = torch.full((1, 4, 32, 32), 0.3)
    model = trained()
    result = CalmedNetwork(model, FULL)(image)
    assert torch.isfinite(result).all()
    expected = 0.3 + (1 - MOST) * (model(image) - 0.3)
    torch.testing.assert_close(result, expected)


def test_flat_areas_lose_a_share_of_the_correction_and_others_nothing():
    image, model = halves(), trained()
    base = upscale_bicubic(image)
    full, calmed = model(image) - base, CalmedNetwork(model, HALF)(image) - base
    left, right = np.s_[..., : 96 - 2 * REACH], np.s_[..., 96 + 2 * REACH :]
    torch.testing.assert_close(calmed[left], 0.5 * full[left], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(calmed[right], full[right], atol=1e-6, rtol=1e-4)


def test_a_pixel_depends_on_nothing_beyond_the_reach():
    image = grain((48, 96), 7).requires_grad_()
    flatness(image, ENDS)[0, 0, 48, 92].backward()
    changed = image.grad.abs().sum((0, 1)).nonzero()
    assert image.grad.abs().max() > 0
    row, column = 24, 46
    assert (changed - torch.tensor([row, column])).abs().max() <= REACH


@pytest.mark.parametrize("blocks", [1, 6])
@pytest.mark.parametrize("backend", ["eager", "winograd"])
def test_tiles_give_what_one_piece_gives(blocks, backend):
    """Also where the network itself reaches less far than the weights do."""
    if backend == "winograd" and not has_nnpack():
        pytest.skip("this torch has no NNPACK")
    image = (255 * halves(4, 14)[0]).clamp(0, 255).round().numpy().astype(np.uint8)
    mask = np.zeros(image.shape, bool)
    mask[:, 10:14, 30:50] = True
    scene = ArrayScene(np.ma.MaskedArray(image.astype(np.float32), mask=mask))
    calm = CalmedNetwork(trained(blocks), FULL)
    network = make_network(calm, device="cpu", backend=backend, precision="float32")
    assert network.halo == max(REACH, trained(blocks).receptive_field)

    def upscaled(tile):
        target = ArrayTarget(scene)
        upscale_scene(scene, target, network, value_range=RANGE, tile=tile)
        return target.values

    whole = upscaled(512)
    for tile in (16, 37):
        np.testing.assert_allclose(upscaled(tile), whole, atol=2e-3)


def test_the_weights_of_tiles_are_those_of_the_whole_bit_for_bit():
    image = halves(4, 14)
    whole = flatness(image, ENDS)
    part = flatness(image[..., 5:45, 21:83], ENDS)
    cut = 2 * REACH
    inner = np.s_[..., cut:-cut, cut:-cut]
    torch.testing.assert_close(part[inner], whole[..., 10:90, 42:166][inner], atol=0, rtol=0)


def test_it_takes_the_form_of_the_network():
    model = trained(6)
    calm = CalmedNetwork(model, HALF)
    assert (calm.bands, calm.multiple, calm.shrinkable) == (4, 1, True)
    assert calm.receptive_field == model.receptive_field
    model.receptive_field = None
    assert CalmedNetwork(model, HALF).receptive_field is None


def test_the_strength_of_the_network_holds():
    image, model = halves(), trained()
    full = CalmedNetwork(model, HALF)(image)
    model.strength = 0.5
    half = CalmedNetwork(model, HALF)(image)
    torch.testing.assert_close(half, (upscale_bicubic(image) + full) / 2)


def choice(level, image=None):
    windows = halves() if image is None else image
    return choose_calming(windows, [level / 255] * 4)


def test_quiet_scenes_are_calmed_most_and_noisy_ones_not_at_all():
    assert choice(0.0).share == choice(0.25).share == MOST
    assert choice(1.0) is choice(3.0) is None
    shares = [choice(level).share for level in (0.3, 0.5, 0.7, 0.9)]
    assert shares == sorted(shares, reverse=True)
    assert choose_calming(halves(), [0, 0, 0, 2.2 / 255]).share < MOST


def test_half_of_a_scene_with_little_structure_counts_as_textured():
    image = torch.cat([grain((64, 64), level, seed=level) for level in (1, 2, 4)])
    found = choice(0.0, image)
    assert all(1.5 < end < 2.5 for end in found.textured)
    flat, _, textured = (part.mean() for part in flatness(image, found.textured))
    assert flat > 0.9
    assert textured < 0.1
    assert 0 < COMMON < 1


def test_each_band_has_structure_of_its_own():
    image = grain((64, 64), 4)
    image[:, 3] = grain((64, 64), 60)[:, 3]
    found = choice(0.0, image).textured
    assert max(found[:3]) < 5
    assert found[3] == TEXTURED


def test_a_scene_with_much_structure_is_textured_everywhere():
    found = choice(0.0, grain((64, 64), 40))
    assert found.textured == (TEXTURED,) * 4
    assert flatness(grain((64, 64), 40), found.textured).max() == 0


def test_scenes_without_any_structure_can_be_calmed():
    flat = torch.full((1, 4, 64, 64), 0.5)
    assert torch.isfinite(flatness(flat, choice(0.0, flat).textured)).all()


def test_nothing_to_take_leaves_the_network_as_it_is():
    model = trained()
    assert calmed(model, None) is model
    assert isinstance(calmed(model, HALF), CalmedNetwork)
    with pytest.raises(TypeError, match="bicubic"):
        calmed(build_model("lanczos", 4), HALF)
