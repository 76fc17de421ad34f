"""Where the command ``sen2naip-sr`` is, and the environment that it runs in."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from sen2naip_sr_qgis.core.problems import Problem

NAME = "sen2naip-sr"

OF_QGIS = re.compile(
    r"(PYTHON|GDAL|PROJ_|OGR_|CPL_|GEOTIFF_|QT_|QGIS|DYLD_)\w*|PROJ|LD_LIBRARY_PATH|LD_PRELOAD"
    r"|O4W_\w+|OSGEO4W_\w+|VIRTUAL_ENV|__PYVENV_LAUNCHER__"
)
"""Variables that make another Python load the libraries or the data of QGIS."""


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the child: those of QGIS left out, text as UTF-8."""
    kept = {name: value for name, value in given.items() if not OF_QGIS.fullmatch(name.upper())}
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def own_folder(given: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that the plugin offers to set the command up in."""
    if sys.platform == "win32":
        base = Path(given.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(given.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "sen2naip_sr" / "environment"


def inside(environment: Path, name: str) -> Path:
    """Return the path of a program of a virtual environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / f"{name}.exe"
    return environment / "bin" / name


def find_command(setting: str, given: Mapping[str, str] = os.environ) -> Path:
    """Return the command: by the setting, in the plugin's own folder, or on the path.

    Args:
        setting: The command's file, or the folder of its virtual environment; empty: not set.
        given: The variables of this process.

    Raises:
        Problem: If there is none. It says where was looked.
    """
    if setting.strip():
        return _set(Path(setting.strip()).expanduser())
    own = inside(own_folder(given), NAME)
    if own.is_file():
        return own
    at_home = str(Path.home() / ".local" / "bin")
    found = shutil.which(NAME, path=os.pathsep.join([given.get("PATH", ""), at_home]))
    if found:
        return Path(found)
    raise Problem(
        f"The command {NAME} was not found: it is neither in {own.parent} nor on the search path.",
        "set it up with the algorithm 'Set up the command', or name it in Settings, Options, "
        "Processing, Providers, sen2naip_sr, if it is installed",
    )


def _set(path: Path) -> Path:
    """Return the command that a setting names."""
    name = f"{NAME}.exe" if sys.platform == "win32" else NAME
    for candidate in (path, inside(path, NAME), path / name):
        if candidate.is_file():
            if os.access(candidate, os.X_OK):
                return candidate
            raise Problem(f"{candidate} may not be run.", "allow it, or name another command")
    raise Problem(
        f"The setting of the command names {path}, where no {NAME} is.",
        "correct it in Settings, Options, Processing, Providers, sen2naip_sr; empty: search",
    )
