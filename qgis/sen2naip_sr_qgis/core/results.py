"""Results are made in a folder beside their places, and put there when they are complete."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sen2naip_sr_qgis.core.problems import Problem

ENDINGS = (".tif", ".tiff")
SIDECARS = (".aux.xml", ".msk", ".ovr")
"""Endings of files beside a raster that GDAL reads as its statistics, mask and overviews."""


def check_outputs(targets: Collection[Path], source: str) -> None:
    """Check the places of results; arguments and errors as of `check_output`."""
    if len({os.path.abspath(target) for target in targets}) < len(targets):
        raise Problem("Two outputs have the same name.", "name another file for one of them")
    for target in targets:
        check_output(target, source)


def check_output(target: Path, source: str) -> None:
    """Check the place of a result.

    Args:
        target: The place.
        source: What is upscaled: a file, or anything else.

    Raises:
        Problem: If it is no GeoTIFF by its name, a folder, or the input itself.
    """
    if target.suffix.lower() not in ENDINGS:
        raise Problem(f"The output {target.name} is no GeoTIFF by its name.", "let it end in .tif")
    if target.is_dir():
        raise Problem(f"The output {target} is a folder.", "name a file")
    if target.exists() and os.path.exists(source) and os.path.samefile(target, source):
        raise Problem(f"The output {target} is the input itself.", "name another file")


PREFIX = ".sen2naip_sr-"
MACHINE = re.sub(r"\W", "_", platform.node())
"""In the names of hidden folders: other machines may work in the same folder."""


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Yield a new hidden folder, which is removed at the end with all that is in it.

    It lies in ``folder``, which is made: what is made in it can be put beside it in one step. What
    a killed QGIS of this machine has left there is removed.

    Raises:
        Problem: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        hidden = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{MACHINE}-{os.getpid()}-", dir=folder))
    except OSError as error:
        raise Problem(
            f"Nothing can be written in {folder}: {error.strerror}.", "choose another folder"
        ) from error
    try:
        yield hidden
    finally:
        remove(hidden)


def put(made: Mapping[Path, Path]) -> None:
    """Put files in their places, and remove what older files in these places had beside them.

    A place on another disk gets a copy first, under a hidden name beside it, so that nobody sees
    half a file.

    Args:
        made: Places by the files that were made.

    Raises:
        Problem: If a place cannot be taken, as on Windows while a layer of it is open.
    """
    for new, place in made.items():
        hidden = place.with_name(f"{PREFIX}{MACHINE}-{os.getpid()}-{place.name}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            same_disk = os.stat(new).st_dev == os.stat(place.parent).st_dev
            os.replace(new if same_disk else shutil.copyfile(new, hidden), place)
            for ending in SIDECARS:
                place.with_name(place.name + ending).unlink(missing_ok=True)
        except OSError as error:
            raise Problem(
                f"{place} cannot be replaced: {error.strerror}.",
                "remove its layer from the project, or name another file",
            ) from error
        finally:
            hidden.unlink(missing_ok=True)


def remove(folder: Path, tries: Sequence[float] = (0, 0.1, 0.3, 0.6)) -> None:
    """Remove a folder; on Windows the files of an ended process stay locked for a moment."""
    for wait in tries:
        time.sleep(wait)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _remove_leftovers(folder: Path) -> None:
    """Remove hidden folders of processes of this machine that are gone."""
    if os.name == "nt":
        # no harmless question there whether a process lives
        return
    for path in folder.glob(f"{PREFIX}{MACHINE}-*"):
        process = path.name[len(PREFIX) + len(MACHINE) + 1 :].partition("-")[0]
        if process.isdecimal() and not _lives(int(process)):
            remove(path)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
