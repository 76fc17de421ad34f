"""The commands of ``kedro`` that this project changes, and the checks of what is typed.

Kedro looks here for ``cli``, its group of commands, and for ``run``. Both are imported at first
use, since every command of Kedro imports this package.
"""

from typing import Any

from kedro.framework.cli.utils import LazyGroup

COMMANDS = {
    name: f"sen2naip_sr.cli.commands.{name}" for name in ("run", "ipython", "jupyter", "registry")
}

# Kedro merges the groups of one name; its own is called so
cli = LazyGroup(name="kedro", lazy_subcommands=COMMANDS)


def __getattr__(name: str) -> Any:
    if name != "run":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sen2naip_sr.cli.commands import run

    return run
