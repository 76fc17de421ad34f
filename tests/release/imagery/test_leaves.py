"""Synthetic images of overlapping shapes."""

import numpy as np

from sen2naip_sr.release.imagery.leaves import dead_leaves


def test_same_seed_gives_same_images():
    first, second = (list(dead_leaves(2, 32, seed)) for seed in (0, 0))
    assert all(map(np.array_equal, first, second))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], next(dead_leaves(1, 32, seed=1)))


def test_images_have_flat_areas_and_sharp_edges():
    image = next(dead_leaves(1, 96)).astype(float)
    assert image.shape == (4, 96, 96)
    steps = np.abs(np.diff(image, axis=2))
    assert (steps < 1).mean() > 0.3
    assert (steps > 30).mean() > 0.05
