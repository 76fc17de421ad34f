"""A process in which only what `pip install .` installs can be imported."""

import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1] / "pyproject.toml"

BLOCK = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def base_distributions():
    """Return the canonical names of what the dependencies without extras install."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    installed, asked = set(), [(Requirement(text), "") for text in project["dependencies"]]
    while asked:
        requirement, extra = asked.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            further = requires(requirement.name) or []
        except PackageNotFoundError:  # for another platform
            continue
        if (name := canonicalize_name(requirement.name)) not in installed:
            installed.add(name)
            asked += [(Requirement(text), "") for text in further]
        for wanted in requirement.extras:
            asked += [(Requirement(text), wanted) for text in further if "extra" in text]
    return installed


def absent_modules():
    """Return the importable names that belong to other distributions alone."""
    present = base_distributions()
    return {
        name
        for name, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & present and name != "sen2naip_sr"
    } - set(sys.stdlib_module_names)


def run_small(code, *arguments, folder=None):
    """Run code there; return what it printed. A failure is told with its traceback."""
    code = BLOCK.format(absent=absent_modules()) + code
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
