"""A training in a folder, for processes that another launcher starts, such as torchrun.

`write_job` writes it. On every machine, the launcher then runs this module in every process, with
the folder as its argument. The first process writes weights and history there.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.network import train_network
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.weights.files import save_weights

JOB, SPLITS = "job.json", "splits.parquet"


def write_job(  # noqa: PLR0913, PLR0917 - all that a training depends on
    folder: Path,
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    architecture: str,
) -> None:
    """Write a training.

    Args:
        folder: Where; all machines reach it, and the stores, by the same path.
        hr: HR chips.
        lr: Their LR chips.
        splits: The chips to train and to validate on.
        parameters: The network and its training. The launcher says how many processes there are.
        architecture: The network's name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    splits.to_parquet(folder / SPLITS)
    described = {
        "hr": str(hr.folder.resolve()),
        "lr": str(lr.folder.resolve()),
        "architecture": architecture,
        "parameters": parameters.model_dump(mode="json"),
    }
    (folder / JOB).write_text(json.dumps(described, indent=1))


def run_job(folder: Path) -> None:
    """Train in this process, one of several.

    Raises:
        UserError: As `sen2naip_sr.training.network.train_network`.
    """
    job = json.loads((folder / JOB).read_text())
    parameters = NetworkParameters.model_validate(job["parameters"])
    p = parameters.training
    fabric = make_fabric(p.accelerator, p.precision, p.distributed)
    weights, result = train_network(
        require_store(Path(job["hr"])),
        require_store(Path(job["lr"])),
        pd.read_parquet(folder / SPLITS),
        parameters,
        fabric=fabric,
        architecture=job["architecture"],
        checkpoint=folder / "checkpoint.pt",
    )
    if fabric.is_global_zero:
        save_weights(folder / "weights.safetensors", weights.state, weights.metadata)
        pd.DataFrame(result.history).to_csv(folder / "history.csv", index=False)
    fabric.barrier()


if __name__ == "__main__":
    run_job(Path(sys.argv[1]))
