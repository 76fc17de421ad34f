"""How a paired comparison resamples. Imports nothing heavy: the parameters need it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resampling:
    """How intervals and p-values are computed.

    Attributes:
        draws: Resamplings of the locations behind every interval.
        permutations: Sign patterns of the test: up to so many are enumerated; of more, so many
            are drawn.
        seed: Seeds the resamplings and the drawn patterns.
        alpha: The level of the test; intervals have the confidence 1 - alpha.
    """

    draws: int = 2000
    permutations: int = 10_000
    seed: int = 0
    alpha: float = 0.05
