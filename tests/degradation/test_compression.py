"""Lossy compression, against Pillow's and by its own properties."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from sen2naip_sr.degradation.compression import jpeg, shifted_grid, table_scale, wavelet


@pytest.fixture(scope="module")
def image():
    """Smooth texture with edges, (2, 4, 64, 64), integers from 0 to 255."""
    torch.manual_seed(0)
    coarse = torch.rand(2, 4, 16, 16)
    fine = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic")
    fine[:, :, 20:40, 30:50] = 0.8
    return (fine + 0.03 * torch.randn_like(fine)).clamp(0, 1).mul(255).round()


def by_pillow(bands, quality, **options):
    stream = io.BytesIO()
    pixels = bands.byte().numpy()
    picture = Image.fromarray(pixels if pixels.ndim == 2 else pixels.transpose(1, 2, 0))
    picture.save(stream, "JPEG", quality=quality, **options)
    read = np.asarray(Image.open(stream)).astype(np.float32)
    return torch.from_numpy(read if read.ndim == 2 else read.transpose(2, 0, 1))


def scales(image, quality):
    return torch.full((len(image),), table_scale(quality))


def rms(values):
    return float(values.square().mean().sqrt())


@pytest.mark.parametrize("quality", [95, 90, 75, 50])
def test_bands_are_compressed_as_pillow_does(image, quality):
    ours = jpeg(image, scales(image, quality))
    theirs = by_pillow(image[0, 1], quality)
    assert rms(ours[0, 1] - theirs) < 0.4 * rms(theirs - image[0, 1])


@pytest.mark.parametrize("quality", [95, 75])
def test_colour_is_compressed_as_pillow_does(image, quality):
    ours = jpeg(image, scales(image, quality), torch.tensor([True, True]))
    theirs = by_pillow(image[0, :3], quality, subsampling=0)
    assert rms(ours[0, :3] - theirs) < 0.6 * rms(theirs - image[0, :3])


def test_colour_is_a_choice_of_each_image_and_leaves_near_infrared_alone(image):
    plain = jpeg(image, scales(image, 75))
    mixed = jpeg(image, scales(image, 75), torch.tensor([True, False]))
    assert not torch.equal(mixed[0, :3], plain[0, :3])
    assert torch.equal(mixed[0, 3], plain[0, 3])
    assert torch.equal(mixed[1], plain[1])


def test_more_compression_loses_more(image):
    lost = [rms(jpeg(image, scales(image, quality)) - image) for quality in (95, 90, 75, 50)]
    assert lost == sorted(lost)
    lost = [rms(wavelet(image, torch.full((2,), step)) - image) for step in (1.0, 4.0, 16.0)]
    assert lost == sorted(lost)


def test_a_wavelet_quantised_finely_gives_the_image_back(image):
    assert torch.equal(wavelet(image, torch.full((2,), 1e-3)), image)


def test_a_shifted_grid_compresses_what_the_shifted_image_gives(image):
    def compress(values):
        return jpeg(values, scales(image, 75))

    down, right = torch.tensor([3]), torch.tensor([5])
    shifted = shifted_grid(compress, image, down, right)
    expected = compress(image.roll((-3, -5), (2, 3))).roll((3, 5), (2, 3))
    assert torch.equal(shifted, expected)
