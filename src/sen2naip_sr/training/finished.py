"""Finished trainings: weights that an equal training has made are kept."""

import hashlib
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.checkpoint import comparable, differences
from sen2naip_sr.weights.files import Weights, WeightsMetadata, load_weights

WEIGHTS, HISTORY = "weights.safetensors", "history.csv"
"""The files of a finished training, in the folder of its network."""
RESULTS = {"validation_psnr", "step", "commit", "train_places", "seen", "packed"}
"""Metadata that a training finds out, that follows from the rest, or that it does not depend on."""
CODE = ("chips", "degradation", "inference", "metrics", "models", "training")
"""Packages of this project that weights depend on."""
NAMED_AT_MOST = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """A finished training.

    Attributes:
        weights: The averaged weights that it kept.
        history: One row per entry.
    """

    weights: Weights
    history: pd.DataFrame


def find_finished(folder: Path, described: WeightsMetadata) -> Finished | None:
    """Return the training in a folder if an equal one has finished there.

    Equal are all inputs, parameters and the code. Files that are damaged or do not belong together,
    as a kill between the two leaves them, are no finished training. The log says what differs.

    Args:
        folder: The folder of the network.
        described: What the weights of the training to be done will say of themselves.
    """
    if not (folder / WEIGHTS).is_file():
        return None
    try:
        weights = load_weights(folder / WEIGHTS)
        history = _read_history(folder / HISTORY)
    except (UserError, OSError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        logger.warning("The finished training is not used: %s", reason)
        return None
    changes = differences(_inputs(weights.metadata), _inputs(described))
    if changes:
        more = len(changes) - NAMED_AT_MOST
        listed = "; ".join(changes[:NAMED_AT_MOST]) + f"; and {more} more" * (more > 0)
        logger.info("%s: training anew (%s)", described.architecture, listed)
        return None
    return Finished(weights, history) if _belongs(history, weights.metadata) else None


def _read_history(path: Path) -> pd.DataFrame:
    """Return a history as it was written; pandas itself may read another last digit."""
    history = pd.read_csv(path, dtype=str).astype(float)
    return history.astype({"step": int})


def _inputs(metadata: WeightsMetadata) -> dict[str, Any]:
    return comparable(metadata.model_dump(exclude=RESULTS))


def _belongs(history: pd.DataFrame, metadata: WeightsMetadata) -> bool:
    """Return whether the history has the validation of the weights."""
    if "validation_psnr" not in history:
        return False
    found = history.loc[history["step"] == metadata.step, "validation_psnr"]
    return bool((found == metadata.validation_psnr).any())


@cache
def code_hash() -> str:
    """Return a hash of the code that weights depend on."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for package in CODE:
        for file in sorted((root / package).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
