"""How a result is drawn as its input is: which of its bands are which of the input's."""

from __future__ import annotations

from collections.abc import Sequence


def moved(drawn: Sequence[int], chosen: Sequence[int]) -> list[int] | None:
    """Return the bands of a result that show what an input's renderer draws.

    Args:
        drawn: Bands of the input that are drawn, from 1; -1 for none.
        chosen: Bands of the input that the result holds, in its order.

    Returns:
        Bands of the result; None if it lacks one that is drawn.
    """
    if any(band > 0 and band not in chosen for band in drawn):
        return None
    return [chosen.index(band) + 1 if band > 0 else -1 for band in drawn]


def alpha_band(drawn: int, chosen: Sequence[int], count: int) -> int:
    """Return the band of a result that is drawn as opacity; -1 for none.

    A band that was upscaled is an image, whatever the file calls it: near-infrared is never drawn
    as alpha. A true alpha band comes last, after the image's.

    Args:
        drawn: The band that the input's renderer takes for opacity; -1 for none.
        chosen: Bands of the input that were upscaled.
        count: Bands of the result.
    """
    if drawn in chosen or count <= len(chosen):
        return -1
    return count
