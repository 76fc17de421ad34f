"""The weights that are shipped with the project."""

import logging
from dataclasses import replace

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.names import FOLDER, SUFFIX

logger = logging.getLogger(__name__)


def load_shipped(name: str) -> Weights | None:
    """Return the shipped weights of a name; `sen2naip_sr.weights.names` lists them.

    They are stored in half precision; networks compute with them in single precision. None if
    there are none, and, with a warning, if the file is damaged.
    """
    path = FOLDER / f"{name}{SUFFIX}"
    if not path.exists():
        return None
    try:
        weights = load_weights(path)
    except UserError as error:
        logger.warning("Left out: %s", error)
        return None
    return replace(weights, shipped_as=name)
