"""What metrics that know colours only see of an image: three bands, whole or in patches."""

from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Pair

if TYPE_CHECKING:
    from torch import Tensor

TRUE_COLOUR, FALSE_COLOUR = (0, 1, 2), (3, 0, 1)
"""Bands, from 0: red, green, blue; near-infrared, red, green."""
PATCH = 64
"""Side of the patches that metrics of sets take, in HR pixels: sets need many of them."""


def view(pair: Pair, bands: tuple[int, ...]) -> "Tensor | None":
    """Return prediction and truth (2, 3, H, W), float32, in [0, 1]; None if a band is missing."""
    import torch

    if max(bands) >= len(pair.truth):
        return None
    both = torch.stack((pair.prediction, pair.truth))[:, list(bands)]
    return ((both - pair.low) / pair.data_range).clamp(0, 1).float()


def patches(images: "Tensor") -> "Tensor":
    """Cut images (2, C, H, W) into patches that do not overlap: (2, n, C, side, side).

    The side is `PATCH`, or that of the image if it is smaller; what is left over is cut off.
    """
    height, width = (min(PATCH, side) for side in images.shape[-2:])
    tiles = images.unfold(2, height, height).unfold(3, width, width)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def features(pair: Pair, needs: str, bands: tuple[int, ...] | None) -> "Tensor | None":
    """Return features (2, n, d) of the patches of prediction and truth, float64.

    Args:
        pair: The images.
        needs: The name of what extracts the features: it maps (n, C, H, W) in [0, 1] to (n, d), or
            to None where it is for other bands.
        bands: Of the view; None: all bands.

    Returns:
        None if there is no such extractor, or it is for other bands.
    """
    import torch

    extract = pair.extractors.get(needs)
    images = view(pair, bands or tuple(range(len(pair.truth))))
    if extract is None or images is None:
        return None
    key = f"features {needs} {bands}"
    if key not in pair.memo:
        # one by one: an extractor remembers the truth, which all methods share
        found = [extract(image) for image in patches(images)]
        known = all(one is not None for one in found)
        pair.memo[key] = torch.stack(found).double().cpu() if known else None
    both: Tensor | None = pair.memo[key]
    return both
