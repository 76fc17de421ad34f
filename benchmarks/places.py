"""Networks by place and sensor, beside networks of other projects; see docs/peers.md."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import quality
from kedro.config import OmegaConfigLoader

from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.settings import CONFIG_LOADER_ARGS

ENVIRONMENT = "places"


def measure(root: Path, data: Path, peers: Mapping[str, str], chips: int | None) -> dict[str, Any]:
    """Score every method at every place.

    Args:
        root: The project.
        data: The folder of the chips; further folders lie beside it.
        peers: Networks of other projects: name and ``.param`` file.
        chips: Largest number of files of a place; None: all.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = quality.fresh_project(root, Path(scratch))
        given = [f"evaluation.folder={data.parent}"]
        given += [f"evaluation.peers.{name}={Path(file).resolve()}" for name, file in peers.items()]
        given += [f"evaluation.chips={chips}"] if chips else []
        quality.kedro(
            project,
            "run",
            f"--env={ENVIRONMENT}",
            "--pipelines=evaluate_test_sets",
            f"--params={','.join(given)}",
        )
        table = pd.read_csv(project / "data/08_reporting/by_place.csv")
    return {"rows": table.round(5).astype(object).where(table.notna(), None).to_dict("records")}


def parameters(root: Path, data: Path, peers: Mapping[str, str]) -> EvaluationParameters:
    """Return the parameters of the environment, with the given data and peers."""
    loader = OmegaConfigLoader(str(root / "conf"), env=ENVIRONMENT, **CONFIG_LOADER_ARGS)
    stated = loader["parameters"]["evaluation"]
    return EvaluationParameters.model_validate(
        stated | {"folder": str(data.parent), "peers": dict(peers), "accelerator": "cpu"}
    )
