"""Whether Flower is installed, and how much it says."""

import logging
from importlib.util import find_spec

from sen2naip_sr.errors import UserError


def require_flower() -> None:
    """Check that Flower is installed, and leave what is said of rounds to this project.

    Raises:
        UserError: If it is not.
    """
    if find_spec("flwr") is None:
        raise UserError(
            "flower-package-missing",
            "federated training needs the package flwr",
            "install flwr",
        )
    logging.getLogger("flwr").setLevel(logging.CRITICAL)
