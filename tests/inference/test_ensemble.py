import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.inference.ensemble import SelfEnsemble


class Lopsided:
    """Repeats pixels and adds the left neighbour, so that flips and turns change the result."""

    bands, halo, multiple, factor = 3, 1, 1, 2

    def __init__(self):
        self.shapes = []

    def __call__(self, tiles, trim=0):
        assert tiles.dtype == np.float32 and tiles.flags.c_contiguous
        self.shapes.append(tiles.shape)
        left = np.pad(tiles, ((0, 0), (0, 0), (0, 0), (1, 0)), mode="edge")[..., :-1]
        upscaled = np.repeat(np.repeat(tiles, 2, -2), 2, -1)
        upscaled[..., ::2, ::2] += left**2
        height, width = upscaled.shape[-2:]
        return upscaled[..., 2 * trim : height - 2 * trim, 2 * trim : width - 2 * trim]


class Blocks(Lopsided):
    """Adds to each pixel the first pixel of its 4 x 4 block."""

    multiple = 4

    def __call__(self, tiles, trim=0):
        upscaled = super().__call__(tiles)
        first = tiles[..., ::4, ::4]
        return upscaled + np.repeat(np.repeat(first, 8, -2), 8, -1)


def symmetries(image):
    """Yield the image in its eight symmetries and what undoes each."""
    for transposed, upside_down, mirrored in product((False, True), repeat=3):

        def apply(x, t=transposed, u=upside_down, m=mirrored):
            x = x.swapaxes(-1, -2) if t else x
            return x[..., :: -1 if u else 1, :: -1 if m else 1]

        def undo(x, t=transposed, u=upside_down, m=mirrored):
            x = x[..., :: -1 if u else 1, :: -1 if m else 1]
            return x.swapaxes(-1, -2) if t else x

        yield np.ascontiguousarray(apply(image)), undo


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    images=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_it_is_the_mean_over_the_symmetries_of_the_square(height, width, images, seed):
    tiles = noise(images, 3, height, width, seed=seed)
    network = Lopsided()
    expected = np.mean([undo(network(turned)) for turned, undo in symmetries(tiles)], axis=0)
    found = SelfEnsemble(network)(tiles)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_turned_image_gives_the_turned_prediction():
    tiles = noise(1, 3, 5, 8)
    ensemble = SelfEnsemble(Lopsided())
    upright = ensemble(tiles)
    assert np.abs(upright - Lopsided()(tiles)).max() > 0.01
    for turned, undo in symmetries(tiles):
        np.testing.assert_allclose(undo(ensemble(turned)), upright, atol=1e-6)


def test_surroundings_are_left_out_of_each_prediction():
    tiles = noise(1, 3, 7, 9)
    ensemble = SelfEnsemble(Lopsided())
    np.testing.assert_allclose(ensemble(tiles, trim=2), ensemble(tiles)[..., 4:-4, 4:-4], atol=1e-6)


def test_each_symmetry_is_predicted_once():
    network = Lopsided()
    SelfEnsemble(network)(noise(2, 3, 4, 6))
    assert sorted(network.shapes) == 4 * [(2, 3, 4, 6)] + 4 * [(2, 3, 6, 4)]


def test_what_a_pixel_depends_on_stays():
    ensemble = SelfEnsemble(Blocks())
    assert (ensemble.bands, ensemble.halo, ensemble.multiple) == (3, 1, 4)


def test_tiles_at_multiples_give_what_the_whole_gives():
    scene = noise(1, 3, 24, 32)
    ensemble = SelfEnsemble(Blocks())
    whole, tile = ensemble(scene), ensemble(scene[..., 4:20, 8:28])
    np.testing.assert_allclose(tile[..., 2:-2, 2:-2], whole[..., 10:38, 18:54], atol=1e-6)
    assert np.abs(tile - whole[..., 8:40, 16:56]).max() > 0.01


@pytest.mark.parametrize("size", [(8, 6), (6, 8)])
def test_tiles_that_are_no_multiples_are_refused(size):
    with pytest.raises(ValueError, match="multiples of 4"):
        SelfEnsemble(Blocks())(noise(1, 3, *size))


def test_predictions_are_not_kept():
    tiles = noise(1, 3, 128, 128)
    ensemble = SelfEnsemble(Lopsided())
    tracemalloc.start()
    try:
        result = ensemble(tiles)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * result.nbytes
