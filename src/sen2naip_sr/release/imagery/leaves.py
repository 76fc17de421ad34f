"""Synthetic images of overlapping shapes, with sharp edges of every direction and contrast.

Dead leaves (Lee, Mumford and Huang 2001, "Occlusion Models for Natural Images") share the
statistics of edges with photographs, and networks trained on them restore photographs almost as
well as networks trained on photographs (Achddou, Gousseau and Ladjal 2021). Here some leaves are
straight or striped, as roofs and fields are.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sen2naip_sr.arrays import Array

NAME = "dead-leaves"
BANDS = 4
_FINER = 3
"""Shapes are drawn on a grid so much finer, and averaged."""
_SMALLEST, _LARGEST = 3.0, 80.0
"""Radii in pixels of the image; their density falls with the third power."""
_POWERS = (1, 2, 2, 8, 8)
"""Exponents of superellipses: rhombus, ellipse, almost a rectangle."""
_COVERED = 0.98
"""Share of the image that is covered at the end; the rest keeps the background's grey."""


class _Leaf(NamedTuple):
    row: float
    column: float
    radii: Array
    angle: float
    power: int


def dead_leaves(count: int, side: int, seed: int = 0) -> Iterator[Array]:
    """Yield images.

    Args:
        count: How many.
        side: Their sides in pixels.
        seed: The same seed gives the same images.

    Yields:
        (4, side, side), uint8.
    """
    for number in range(count):
        yield _image(side, np.random.default_rng((seed, number)))


def _image(side: int, random: np.random.Generator) -> Array:
    fine = side * _FINER
    image = np.full((BANDS, fine, fine), random.uniform(), np.float32)
    free = np.ones((fine, fine), bool)
    # from the front to the back: a leaf only fills what is still free
    while free.mean() > 1 - _COVERED:
        for _ in range(50):
            _paint(image, free, _drawn(fine, random), random)
    averaged = image.reshape(BANDS, side, _FINER, side, _FINER).mean((2, 4))
    return (averaged.clip(0, 1) * 255).round().astype(np.uint8)


def _drawn(fine: int, random: np.random.Generator) -> _Leaf:
    # the inverse of the distribution of a density of r ** -3
    low, high = _SMALLEST**-2, _LARGEST**-2
    radius = random.uniform(high, low) ** -0.5 * _FINER
    stretch = math.exp(random.uniform(-0.7, 0.7))
    radii = np.array([radius * stretch, radius / stretch])
    angle = random.uniform(0, math.pi)
    row, column = random.uniform(0, fine, 2)
    return _Leaf(row, column, radii, angle, int(random.choice(_POWERS)))


def _paint(image: Array, free: Array, leaf: _Leaf, random: np.random.Generator) -> None:
    reach = math.ceil(math.hypot(*leaf.radii))
    window = tuple(
        slice(max(0, int(centre) - reach), min(length, int(centre) + reach + 1))
        for centre, length in zip((leaf.row, leaf.column), free.shape, strict=True)
    )
    rows, columns = np.nonzero(free[window])
    rows, columns = rows + window[0].start, columns + window[1].start
    down, right = (rows - leaf.row).astype(np.float32), (columns - leaf.column).astype(np.float32)
    cosine, sine = math.cos(leaf.angle), math.sin(leaf.angle)
    along, across = cosine * right + sine * down, cosine * down - sine * right
    first, second = leaf.radii
    inside = np.abs(along / first) ** leaf.power + np.abs(across / second) ** leaf.power < 1
    rows, columns = rows[inside], columns[inside]
    texture = _texture(along[inside], across[inside], random)
    image[:, rows, columns] = _colours(random)[:, None] + texture
    free[rows, columns] = False


def _colours(random: np.random.Generator) -> Array:
    share = random.uniform() ** 0.5
    return (share * random.uniform() + (1 - share) * random.uniform(size=BANDS)).astype(np.float32)


def _texture(along: Array, across: Array, random: np.random.Generator) -> Array:
    """Return what is added to a leaf's colours, (1 or 4, pixels): nothing, a slope or stripes."""
    kind = random.choice(3, p=(0.5, 0.25, 0.25))
    if kind == 0:
        return np.zeros((1, along.size), np.float32)
    amplitudes = random.normal(0, 0.06, (BANDS, 1)).astype(np.float32)
    if kind == 1:
        return amplitudes * along / (10 * _FINER)
    period = _FINER * math.exp(random.uniform(math.log(2.5), math.log(16)))
    stripes = np.sin(2 * np.pi / period * across)
    return amplitudes * (np.sign(stripes) if random.uniform() < 0.5 else stripes)
