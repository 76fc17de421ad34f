"""Setting the command up in a virtual environment of its own: what would be done, and doing it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sen2naip_sr_qgis.core.child import Asked, Said, output_of, run
from sen2naip_sr_qgis.core.command import NAME, inside
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.results import remove

VERSIONS = ((3, 11), (3, 12))
"""Versions of Python that the command runs in."""


@dataclass(frozen=True)
class Plan:
    """What setting up would do.

    Attributes:
        folder: Of the environment.
        steps: The command lines, in order.
        is_new: Whether the folder does not exist yet.
    """

    folder: Path
    steps: Sequence[Sequence[str]]
    is_new: bool

    def __str__(self) -> str:
        return "\n".join(shown(step) for step in self.steps)


def shown(step: Sequence[str]) -> str:
    """Return a command line as it would be typed."""
    return subprocess.list2cmdline(step) if sys.platform == "win32" else shlex.join(step)


def make_plan(folder: Path, package: str, python: str = "", pip_options: str = "") -> Plan:
    """Return what setting up would do. Nothing is changed.

    Args:
        folder: Of the environment: new, empty, or an environment that was set up before.
        package: What pip installs: a wheel, the project's folder, or an address.
        python: The interpreter to make the environment with; empty: one that is found.
        pip_options: Further options of pip.

    Raises:
        Problem: If the folder holds something else, the package is not given or missing, or no
            Python fits.
    """
    environment = folder.expanduser().absolute()
    is_new = not environment.exists() or not any(environment.iterdir())
    if not is_new and not (environment / "pyvenv.cfg").is_file():
        raise Problem(
            f"{environment} holds something that is no virtual environment.",
            "choose a new or an empty folder",
        )
    install = [
        str(inside(environment, "python")), "-m", "pip", "install", "--upgrade",
        "--progress-bar=off", "--disable-pip-version-check",
        *shlex.split(pip_options), _package(package),
    ]  # fmt: skip
    if not is_new:
        return Plan(environment, [install], is_new=False)
    return Plan(
        environment, [[*find_python(python), "-m", "venv", str(environment)], install], True
    )


def set_up(plan: Plan, said: Said, cancelled: Asked) -> str:
    """Carry a plan out, and return the version that the command says.

    Raises:
        Cancelled: If the user has cancelled. A new folder is removed.
        Problem: If a step fails. A new folder is removed.
    """
    try:
        for step in plan.steps:
            said(f"> {shown(step)}")
            _do(step, said, cancelled)
        return output_of([str(inside(plan.folder, NAME)), "--version"], cancelled).strip()
    except BaseException:
        if plan.is_new:
            remove(plan.folder)
        raise


def _do(step: Sequence[str], said: Said, cancelled: Asked) -> None:
    try:
        run(step, said, said, cancelled)
    except Problem as problem:
        raise Problem(
            problem.problem,
            "the log says more; check the package, the options of pip, the network and the disk",
        ) from problem


def find_python(given: str = "") -> list[str]:
    """Return an interpreter of a version that the command runs in.

    Raises:
        Problem: If there is none, or the given one is another version or does not run.
    """
    candidates = [[given]] if given.strip() else _candidates()
    seen = []
    for candidate in candidates:
        version = _version(candidate)
        if version in VERSIONS:
            return candidate
        if version:
            seen.append(f"{candidate[0]} is {'.'.join(map(str, version))}")
    wanted = " or ".join(".".join(map(str, version)) for version in VERSIONS)
    found = f" ({', '.join(seen)})" if seen else ""
    name = given or "this machine"
    raise Problem(
        f"No Python {wanted} was found: {name}{found}.",
        f"install Python {wanted}, and name it in the parameter 'Python'",
    )


def _candidates() -> list[list[str]]:
    names = [[f"python{major}.{minor}"] for major, minor in VERSIONS]
    if sys.platform == "win32":
        names = [["py", f"-{major}.{minor}"] for major, minor in VERSIONS]
    names += [["python3"], ["python"]]
    return [[path, *rest] for first, *rest in names if (path := shutil.which(first))]


def _version(candidate: Sequence[str]) -> tuple[int, int] | None:
    code = "import ensurepip, sys, venv; print(*sys.version_info[:2])"
    try:
        major, minor = output_of([*candidate, "-c", code]).split()
    except (Problem, ValueError):
        return None
    return int(major), int(minor)


def _package(text: str) -> str:
    """Return what pip installs, with a local path made absolute."""
    package = text.strip()
    if not package:
        raise Problem(
            "It is not said what to install.",
            "give the project's folder, a wheel of it, or the address of one (parameter 'Package')",
        )
    path = Path(package).expanduser()
    if path.exists():
        return str(path.absolute())
    if path.suffix == ".whl" and "://" not in package:
        raise Problem(f"There is no file {path}.", "check the parameter 'Package'")
    return package
