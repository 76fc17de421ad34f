"""Packed imagery as chips on the training's device."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.packed import Place, read_places
from sen2naip_sr.release.imagery.parameters import ImageryParameters
from sen2naip_sr.training.mixture.bank import Bank, cut_image, shares_passed

LARGEST = 256
"""Chips have no longer sides than this, in pixels."""


@dataclass(frozen=True)
class Imagery:
    """The imagery of a training.

    Attributes:
        trained: The places that are trained on.
        banks: Their chips, by depth.
        validation: Chips of 8 bits of the location that validates.
    """

    trained: list[Place]
    banks: list[Bank]
    validation: Bank

    @classmethod
    def read(cls, packed: Path, parameters: ImageryParameters, device: torch.device) -> Self:
        """Read packed imagery.

        Args:
            packed: The folder of packed imagery.
            parameters: Name the location that validates, and how often others are drawn.
            device: Where the chips are.

        Raises:
            UserError: If there is nothing to train on, or to validate on.
        """
        trained, held_out = _split(list(read_places(packed)), parameters.validation)
        banks = [make_bank(trained, deep, parameters.locations, device) for deep in (False, True)]
        validation = make_bank(held_out, False, {}, device)
        if validation is None:
            raise UserError(
                "no-validation-chip",
                f"location '{parameters.validation}' has no 8-bit imagery to validate on",
                "name another location",
            )
        return cls(trained, [bank for bank in banks if bank is not None], validation)


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


def _split(places: Sequence[Place], validation: str) -> tuple[list[Place], list[Place]]:
    """Return the places of training and those of validation, at whatever date.

    Raises:
        UserError: If there are none for one of the two.
    """
    held_out = [place for place in places if place.location == validation]
    trained = [place for place in places if place.location != validation]
    if not held_out or not trained:
        known = ", ".join(sorted({place.location for place in places}))
        raise UserError(
            "no-validation-place",
            f"location '{validation}' for validation, and others to train on; packed: {known}",
            "pack it, or name another location",
        )
    return trained, held_out
