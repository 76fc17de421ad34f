"""Packed imagery as chips on the training's device."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.packed import Place
from sen2naip_sr.training.mixture.bank import Bank, cut_image, shares_passed

LARGEST = 256
"""Chips have no longer sides than this, in pixels."""


def make_bank(
    places: Sequence[Place], deep: bool, shares: Mapping[str, float], device: torch.device
) -> Bank | None:
    """Cut the images of one depth into chips.

    Chips are as large as the smallest image allows, at most `LARGEST` pixels, and overlap by half
    in images that are larger.

    Args:
        places: The places.
        deep: Whether to take imagery of more than 8 bits, or of 8 bits.
        shares: How often a location is drawn, relative to the others; 1 where it has none.
        device: Where the chips are.

    Returns:
        The chips; None if there are none.

    Raises:
        UserError: If images differ in their bands.
    """
    packed = [
        (place.location, image) for place in places for image in place.images if image.deep == deep
    ]
    if not packed:
        return None
    if len({image.shape[0] for _, image in packed}) > 1:
        raise UserError(
            "bands-differ", "packed images have different numbers of bands", "pack them apart"
        )
    side = min(LARGEST, *(min(image.shape[1:]) for _, image in packed))
    # LZMA leaves the interpreter to other threads
    with ThreadPoolExecutor() as pool:
        cut = list(pool.map(lambda some: cut_image(some[1].unpack(), side), packed))
    if not any(cut):
        return None
    chips = torch.from_numpy(np.stack([chip for of_image in cut for chip in of_image]))
    locations = [name for (name, _), of_image in zip(packed, cut, strict=True) for _ in of_image]
    passed = shares_passed(locations, shares)
    return Bank(chips.to(device), passed.to(device), deep)
