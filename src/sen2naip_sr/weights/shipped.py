"""The weights that are shipped with the project."""

import logging
from dataclasses import replace
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.files import Weights, load_weights

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
"""Contains ``<model>.safetensors``, its model card ``<model>.md`` and its calibration."""


def load_shipped(model: str) -> Weights | None:
    """Return the shipped weights of a network.

    They are stored in half precision; networks compute with them in single precision. None if
    there are none, and, with a warning, if the file is damaged.
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
