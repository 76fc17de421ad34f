"""Radiometric consistency: the nearest image to a prediction whose downscaling is the input.

The truth t satisfies D t = LR for the recipe's downscaling D. The orthogonal projection of a
prediction x onto all images that do,

    x + D' (D D')^-1 (LR - D x),

is no farther from t than x is, since t lies in that affine set. The iterative form is known as
back-projection (Irani and Peleg 1991, doi:10.1016/1049-9652(91)90045-L). The projection treats the
rounding and noise of LR as signal. On very even ground, where a network agrees with LR better than
the truth does, it loses some hundredths of a decibel, and more where LR is noisy.

Every recipe is separable: D = A_h (x) A_w with a matrix A of n x 2n for each axis. The inverse is
therefore exact and cheap: (D D')^-1 is the Kronecker product of
the inverses of the banded matrices A A'. Their condition numbers are 2.1 (antialiased bicubic), 1
(area), 1.9 (aliased bicubic) and 4.9 (blur), so the inverses decay exponentially (Demko, Moss and
Smith 1984, doi:10.1090/S0025-5718-1984-0758197-9), here by a factor of 2.9 to 6.3 a pixel. Pixels
farther away than `Consistency.halo` change a pixel by less than `NEGLIGIBLE` of themselves.

Each recipe treats the edge of an image in its own way: torch's antialiased bicubic scales the
remaining weights to sum to one, its other bicubic repeats the edge pixel, the blur mirrors the
image. A is the recipe's own matrix, edges included. Windows must therefore end where the scene
ends, without the reflected pixels that a network was given: there the downscaling is exactly that
of the whole scene. At the other sides of a window it is wrong, which the halo keeps away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation import SCALE, Recipe
from sen2naip_sr.errors import UserError

if TYPE_CHECKING:  # scipy is slow to import, and only consistency and intervals need it
    from scipy.sparse import csr_array


NEGLIGIBLE = 1e-7
"""Largest share of a pixel beyond the halo that may reach another pixel."""

_EDGE = 8
"""LR pixels from an edge within which a recipe may have special weights."""
_FAR = 48
"""LR pixels from an edge within which its influence is searched."""


class Consistency:
    """Projects predictions onto the images that a recipe downscales to the LR image.

    Args:
        recipe: The recipe, without its random part.

    Attributes:
        halo: LR pixels around a window to give with it and to cut off afterwards, except where the
            scene ends.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.halo = _halo(recipe)

    def __call__(self, prediction: Array, lr: Array) -> Array:
        """Project the prediction of a window.

        The sums need float64: float32 knows a digital number of 16 bits only to 0.004.

        Args:
            prediction: (..., 2h, 2w) of any real dtype; neither clipped nor rounded.
            lr: The input of the prediction, (..., h, w), in the same unit, finite.

        Returns:
            (..., 2h, 2w), float64, not clipped.

        Raises:
            UserError: If the recipe cannot downscale so small an image.
            ValueError: If a value is not finite: it would spread over its row and column.
        """
        rows, columns = (_downscaling(self._recipe, size) for size in lr.shape[-2:])
        small = rows.reduce(columns.reduce(prediction.astype(np.float64), -1), -2)
        residual = lr - small
        if not np.isfinite(residual).all():
            raise ValueError("fill pixels without a value before the projection")
        return prediction + rows.restore(columns.restore(residual, -1), -2)


@dataclass(frozen=True)
class _Downscaling:
    """A recipe along one axis: ``matrix`` is A, (n, 2n)."""

    matrix: "csr_array"

    @cached_property
    def _transpose(self) -> "csr_array":
        return self.matrix.T.tocsr()

    @cached_property
    def _factor(self) -> Array:
        """Return the Cholesky factor of A A' as scipy stores lower bands."""
        from scipy.linalg import cholesky_banded

        gram = (self.matrix @ self._transpose).todia()
        lower = range(max(gram.offsets) + 1)
        bands = [np.pad(gram.diagonal(-band), (0, band)) for band in lower]
        return np.asarray(cholesky_banded(np.stack(bands), lower=True))

    def reduce(self, image: Array, axis: int) -> Array:
        """Apply A."""
        return _along(axis, image, lambda columns: self.matrix @ columns)

    def restore(self, image: Array, axis: int) -> Array:
        """Apply A' (A A')^-1, the pseudo-inverse of A."""
        from scipy.linalg import cho_solve_banded

        return _along(
            axis,
            image,
            lambda columns: self._transpose @ cho_solve_banded((self._factor, True), columns),
        )


def _along(axis: int, image: Array, apply: Callable[[Array], Array]) -> Array:
    """Apply a map of columns, (n, k) to (m, k), to an axis."""
    first = np.ascontiguousarray(np.moveaxis(image, axis, 0))
    mapped = apply(first.reshape(len(first), -1))
    return np.moveaxis(mapped.reshape(-1, *first.shape[1:]), 0, axis)


@lru_cache(maxsize=32)
def _downscaling(recipe: Recipe, size: int) -> _Downscaling:
    """Return the recipe along an axis of ``size`` LR pixels.

    Inside, all rows of A are shifted copies of each other, so a short A determines a long one.
    """
    from scipy.sparse import csr_array

    short = _matrix(recipe, min(size, 2 * _EDGE + 1))
    rows = np.arange(size)
    surplus = size - len(short)
    shift = np.clip(rows - _EDGE, 0, surplus)
    row, column = np.nonzero(short[rows - shift])
    weights = short[row - shift[row], column]
    places = (row, column + SCALE * shift[row])
    return _Downscaling(csr_array((weights, places), (size, SCALE * size)))


def _matrix(recipe: Recipe, size: int) -> Array:
    """Return A, column by column: the downscaled images of single bright columns."""
    length = SCALE * size
    stripes = torch.eye(length, dtype=torch.float64)[:, None, None].expand(-1, 1, _EDGE, -1)
    try:
        return recipe.downscale(stripes, None)[:, 0, 0].T.numpy()
    except RuntimeError as error:
        raise UserError(
            "image-too-small",
            f"the recipe '{recipe.name}' cannot downscale an image {length} pixels high or wide",
            "upscale this image without consistency, or a larger part of the scene",
        ) from error


@lru_cache(maxsize=32)
def _halo(recipe: Recipe) -> int:
    """Return how far (LR pixels) a side inside the scene changes the projection of a window."""
    whole, window = (_matrix(recipe, size) for size in (3 * _FAR, 2 * _FAR))
    inverse = np.linalg.pinv(window)
    change = np.zeros(len(inverse))
    for scene, part in (
        (np.linalg.pinv(whole), inverse),
        (np.linalg.pinv(whole) @ whole, inverse @ window),
    ):
        near = scene[: len(part)].copy()
        near[:, : part.shape[1]] -= part
        change += np.abs(near).sum(axis=1)
    changed = np.flatnonzero(change > NEGLIGIBLE)
    return 2 * _FAR - int(changed.min()) // SCALE if len(changed) else 0
