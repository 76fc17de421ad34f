"""``python -m sen2naip_sr`` runs pipelines, with the options of ``kedro run``."""

import sys
from pathlib import Path
from typing import Any


def main(*args: Any, **kwargs: Any) -> Any:
    """Run pipelines; a `SystemExit` if Kedro is not installed."""
    try:
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project
    except ModuleNotFoundError as error:
        raise SystemExit('Pipelines need Kedro: pip install "sen2naip_sr[kedro]"') from error
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    kwargs["standalone_mode"] = not hasattr(sys, "ps1")
    run = find_run_command(package_name)
    return run(*args, **kwargs)


if __name__ == "__main__":
    main()
