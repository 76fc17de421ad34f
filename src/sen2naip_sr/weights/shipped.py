"""The weights that come with the project."""

import logging
from dataclasses import replace
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.files import Weights, load_weights

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parents[1] / "weights"
"""Holds ``<model>.safetensors`` and, for people, ``<model>.md``: its card."""


def load_shipped(model: str) -> Weights | None:
    """Return the weights that come with the project for a network.

    They are stored in half precision; what is computed from them is in single precision.

    Args:
        model: The network's name in `sen2naip_sr.models.registry.MODELS`.

    Returns:
        None where there are none for it, and, with a warning, where the file is damaged.
    """
    path = FOLDER / f"{model}.safetensors"
    if not path.exists():
        return None
    try:
        weights = load_weights(path)
    except UserError as error:
        logger.warning("Left out: %s", error)
        return None
    return replace(weights, shipped=True)
