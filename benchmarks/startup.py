"""How long commands take that have nothing to do, beside the imports that they cannot avoid.

Kedro loads every plugin of the environment, and kedro-mlflow imports MLflow: no command of a
project is quicker than ``import kedro, mlflow``, nor than the same command in an empty project.
The rounds alternate between them, so that other load on the machine affects all alike. Compare
the ratios between machines, not the seconds.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 5


def measure(root: Path) -> dict[str, float]:
    """Return median seconds of commands with nothing to do.

    Args:
        root: The project.

    Returns:
        Seconds of ``import kedro, mlflow``, of ``kedro registry list`` in a project without
        pipelines and in this one, and of an up-to-date ``preprocess``; and how many times longer
        than the imports the two listings take.
    """
    kedro = Path(sys.executable).with_name("kedro")
    listing: list[Path | str] = [kedro, "registry", "list"]
    preprocess: list[Path | str] = [kedro, "run", "--pipelines=preprocess"]
    subprocess.run(preprocess, cwd=root, check=True)
    with tempfile.TemporaryDirectory() as folder:
        empty = _empty_project(Path(folder))
        imports: list[Path | str] = [sys.executable, "-c", "import kedro, mlflow"]
        commands = ((imports, empty), (listing, empty), (listing, root), (preprocess, root))
        rounds = [[_seconds(*command) for command in commands] for _ in range(ROUNDS)]
    names = ("imports_s", "empty_registry_list_s", "registry_list_s", "preprocess_again_s")
    figures = {
        name: round(median(column), 2)
        for name, column in zip(names, zip(*rounds, strict=True), strict=True)
    }
    return figures | {
        "empty_registry_list_to_imports": round(median(row[1] / row[0] for row in rounds), 2),
        "registry_list_to_imports": round(median(row[2] / row[0] for row in rounds), 2),
    }


def _empty_project(folder: Path) -> Path:
    """Make a Kedro project without pipelines: what Kedro and its plugins take by themselves."""
    package = folder / "src" / "empty"
    package.mkdir(parents=True)
    (folder / "conf" / "base").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.kedro]\npackage_name = "empty"\nproject_name = "empty"\n'
        'kedro_init_version = "1.7.0"\nsource_dir = "src"\n'
    )
    for name in ("__init__", "settings"):
        (package / f"{name}.py").touch()
    (package / "pipeline_registry.py").write_text(
        "from kedro.pipeline import Pipeline\n\n\n"
        'def register_pipelines():\n    return {"__default__": Pipeline([])}\n'
    )
    return folder


def _seconds(command: list[Path | str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(measure(Path(__file__).parents[1]))
