"""A random projection from few numbers to all the weights of a network.

Fastfood: Le, Sarlos and Smola 2013, "Fastfood - Approximating Kernel Expansions in Loglinear
Time", https://arxiv.org/abs/1408.3060, which Li et al. 2018, https://arxiv.org/abs/1804.08838
(supplement S7), take for this purpose. A dense matrix of 400,000 x 10,000 would fill 16 GB; this
one needs a permutation and two signs per row, and n log n operations for n rows.

It is preferred to very sparse projections (Li, Hastie and Church 2006, "Very Sparse Random
Projections"): those hold dimension x root of n numbers, and leave most weights untouched where
the dimension is small. Here every weight depends on every coordinate.

What differs from the paper: the diagonal between the two transforms holds signs instead of
Gaussian numbers, and the last diagonal is left out. They give the rows the lengths of Gaussian
vectors, which a kernel needs; without them a block is a rotation, and columns are orthonormal, not
only in expectation.
"""

import torch
from torch import Tensor, nn


class FastfoodProjection(nn.Module):
    """Multiplies a vector by a fixed random matrix P of (weights, dimension).

    P consists of blocks below each other, each a random rotation ``H G Pi H B``: signs B, Hadamard
    transform H, permutation Pi, signs G, and H again. Blocks are as wide as the next power of two;
    the columns beyond ``dimension`` and the rows beyond ``weights`` are cut off. The cut rows leave
    the columns orthogonal and of length one in expectation; where they fill their blocks
    (``weights`` a multiple of a block), exactly.

    Rows cut off a single block would take some directions nearly away: of as many dimensions as
    weights, singular values would reach from about 1 down to almost 0. So a block that is wider
    than ``weights`` is replaced by a rotation of exactly ``weights`` rows. In place of each H it
    has two smaller ones, of the first and of the last power of two of its entries, which overlap.
    Its columns are orthonormal too.

    Args:
        weights: Rows of P.
        dimension: Columns of P, from 1 to ``weights``.
        seed: P is a pure function of the other arguments and this.
    """

    before: Tensor
    order: Tensor
    after: Tensor

    def __init__(self, weights: int, dimension: int, seed: int) -> None:
        super().__init__()
        self.weights, self.dimension = weights, dimension
        width = min(1 << (dimension - 1).bit_length(), weights)
        blocks = -(-weights // width)
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("before", _signs(blocks, width, generator))
        orders = [torch.randperm(width, generator=generator) for _ in range(blocks)]
        self.register_buffer("order", torch.stack(orders))
        self.register_buffer("after", _signs(blocks, width, generator))
        # each Hadamard transform lengthens by the root of the width, and blocks below each other
        # by the root of their number
        self.scale = (width * weights) ** -0.5

    def forward(self, coordinates: Tensor) -> Tensor:
        """Map (dimension,) to (weights,)."""
        width = self.order.shape[1]
        padded = nn.functional.pad(coordinates, (0, width - self.dimension))
        mixed = _mixed(padded * self.before)
        mixed = _mixed(mixed.gather(1, self.order) * self.after)
        return mixed.flatten()[: self.weights] * self.scale


def _mixed(rows: Tensor) -> Tensor:
    """Rotate rows (m, n), and make them the root of n times as long: Hadamard's transform.

    Where n is no power of two, the first and then the last power of two of the entries are rotated.
    """
    width = rows.shape[1]
    whole = 1 << (width.bit_length() - 1)
    if whole == width:
        return hadamard(rows)
    rest = width - whole
    shrink = whole**-0.5
    rows = torch.cat([hadamard(rows[:, :whole]) * shrink, rows[:, whole:]], dim=1)
    rows = torch.cat([rows[:, :rest], hadamard(rows[:, rest:]) * shrink], dim=1)
    return rows * width**0.5


def hadamard(rows: Tensor) -> Tensor:
    """Multiply each row by the Hadamard matrix of ones and minus ones, in Sylvester's order.

    The rows are (m, n), n a power of two. They become the root of n times as long.
    """
    count, width = rows.shape
    half = 1
    while half < width:
        pairs = rows.view(count, width // (2 * half), 2, half)
        first, second = pairs.unbind(2)
        rows = torch.stack((first + second, first - second), dim=2).view(count, width)
        half *= 2
    return rows


def _signs(blocks: int, width: int, generator: torch.Generator) -> Tensor:
    drawn = torch.randint(2, (blocks, width), generator=generator, dtype=torch.int8)
    return 2 * drawn - 1
