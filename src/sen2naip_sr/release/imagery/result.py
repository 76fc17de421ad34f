"""What a training writes: weights with metadata, scored on the validation location."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sen2naip_sr.degradation import RECIPES
from sen2naip_sr.degradation.truth import EIGHT_BITS
from sen2naip_sr.metrics.full_reference import SHAVE
from sen2naip_sr.metrics.psnr import psnr
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.provenance import git_commit
from sen2naip_sr.release.imagery.learner import Learner
from sen2naip_sr.release.imagery.packed import Place, packed_files
from sen2naip_sr.release.imagery.parameters import ImageryParameters
from sen2naip_sr.training.mixture.bank import Bank
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.files import WeightsMetadata, save_weights

RECIPE = RECIPES["bicubic_antialiased"]
"""The recipe of clean images, whose conditions a network is told by default."""
VALIDATED = 16
"""Chips that give the validation PSNR, spread evenly."""


@torch.no_grad()
def validation_psnr(network: Lean, bank: Bank) -> float:
    """Return the mean PSNR of clean 8-bit chips, dB."""
    plain = network.under(Conditions.of_recipe(network.bands))
    every = max(1, len(bank.chips) // VALIDATED)
    scores = [_psnr(plain, chip[None].float()) for chip in bank.chips[::every]]
    return float(torch.cat(scores).mean())


def _psnr(network: Lean, truth: Tensor) -> Tensor:
    lr = RECIPE.downscale(truth, None).round().clamp(0, EIGHT_BITS)
    predicted = (network(lr / EIGHT_BITS) * EIGHT_BITS).round().clamp(0, EIGHT_BITS)
    inside = slice(SHAVE, -SHAVE)
    found, expected = (image[..., inside, inside].double() for image in (predicted, truth))
    return psnr(found, expected, EIGHT_BITS)


@dataclass(frozen=True)
class Results:
    """Writes the weights of a training.

    Attributes:
        folder: Where the files are written.
        packed: The folder of the packed imagery.
        trained: Places that are trained on.
        validation: Chips of 8 bits.
        parameters: Those of the training.
        commit: The commit of this code; None: that of the checkout, if there is one.
    """

    folder: Path
    packed: Path
    trained: Sequence[Place]
    validation: Bank
    parameters: ImageryParameters
    commit: str | None = None

    def write(self, name: str, learner: Learner) -> float:
        """Write a network's averaged weights; return their validation PSNR, dB."""
        network = learner.averaged()
        score = validation_psnr(network, self.validation)
        metadata = WeightsMetadata(
            architecture="lean",
            architecture_parameters=learner.architecture,
            validation_psnr=score,
            step=learner.steps,
            started_from=learner.started_from,
            training=self.parameters.model_dump(mode="json"),
            **self._of_data,
        )
        save_weights(self.folder / f"{name}.safetensors", network.state_dict(), metadata)
        return score

    @cached_property
    def _of_data(self) -> dict[str, Any]:
        named = [place.name for place in self.trained]
        location, bands = self.parameters.validation, self.validation.chips.shape[1]
        return of_data(self.packed, named, location, bands, self.commit)


def of_data(
    packed: Path, trained: Sequence[str], validation: str, bands: int, commit: str | None
) -> dict[str, Any]:
    """Return what the header of weights says of their imagery, and of the code.

    Args:
        packed: The folder of the packed imagery.
        trained: Names of the places that are trained on.
        validation: The location that validates.
        bands: Image bands.
        commit: The commit of this code; None: that of the checkout, if there is one.
    """
    return {
        "bands": bands,
        "recipe": RECIPE.id,
        "value_range": (0, EIGHT_BITS),
        "dtype": "uint8",
        "data_hash": packed_hash(packed),
        "split_hash": split_hash(trained, validation),
        "train_places": sorted(trained),
        "version": __version__,
        "synthetic": False,
        "commit": commit or git_commit(Path(__file__).parent),
    }


def packed_hash(folder: Path) -> str:
    """Return the hash of all packed imagery in a folder."""
    return _hash(*(file.read_bytes() for file in packed_files(folder)))


def split_hash(trained: Sequence[str], validation: str) -> str:
    """Return the hash of the places trained on and the location of validation."""
    return _hash(json.dumps([sorted(trained), validation]).encode())


def _hash(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:16]
