"""The check of an environment's name: a folder of configuration."""

import os
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown


def check_environment(name: str | None, conf: Path) -> None:
    """Check the name of an environment.

    Args:
        name: As typed; None: the one that ``KEDRO_ENV`` names, if any.
        conf: The folder of configuration.

    Raises:
        UserError: If there is no such environment. The message names the nearest one.
    """
    name = name or os.environ.get("KEDRO_ENV")
    # an archive of configuration is for Kedro to open
    if not name or not conf.is_dir() or (conf / name).is_dir():
        return
    known = [folder.name for folder in conf.iterdir() if folder.is_dir()]
    raise UserError(
        "unknown-environment",
        describe_unknown("environment", name, known),
        "choose one of the valid names, or make the folder",
    )
