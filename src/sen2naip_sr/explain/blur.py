"""The blur that the path of an attribution begins with. Imports no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur.

    Attributes:
        sigma: Standard deviation in pixels.
        kernel: Side of its kernel in pixels, odd.
    """

    sigma: float
    kernel: int
