"""Let one of several sites send noise or scaled weights, and look at what strategies make of it.

python -m benchmarks.robust

The sites are places of the synthetic sample. It takes about two minutes.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.splits import SplitParameters, make_splits
from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.federated.local import Poison, Trained, build
from sen2naip_sr.federated.parameters import FederationParameters
from sen2naip_sr.federated.server import federate
from sen2naip_sr.federated.sites import make_sites, plan_sites
from sen2naip_sr.federated.task import Task
from sen2naip_sr.sources import make_source
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.validation import Validator

STRATEGIES: Mapping[str, dict[str, float]] = {
    "FedAvg": {},
    "FedTrimmedAvg": {"beta": 0.2},
    "FedMedian": {},
    "Krum": {"num_malicious_nodes": 1},
}
SEED = 0


def noise(weights: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    """Return weights with noise on them."""
    draw = torch.Generator().manual_seed(number)
    return {k: t + 0.3 * torch.randn(t.shape, generator=draw) for k, t in weights.items()}


def scaled(weights: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    """Return weights of the opposite sign, many times too large."""
    return {k: -20 * t for k, t in weights.items()}


FAULTS: Mapping[str, Callable[..., dict[str, torch.Tensor]]] = {"noise": noise, "scaled": scaled}


def _poison(site: str, change: Callable[..., dict[str, torch.Tensor]]) -> Poison:
    def poison(name: str, number: int, trained: Trained) -> Trained:
        if name != site:
            return trained
        weights = change(trained.weights, number)
        return Trained(weights, trained.loss, trained.seconds, trained.chips)

    return poison


def make_stores(folder: Path) -> tuple[Store, Store]:
    """Return stores of the sample and their LR."""
    parameters = IngestionParameters.model_validate(
        {
            "raw_folder": str(folder / "raw"),
            "sample": {"places": 8, "chips_per_place": 6, "size": 128},
        }
    )
    Ingestion(make_source(parameters), parameters).make(folder / "hr")
    hr = require_store(folder / "hr")
    Downscaling(hr, "bicubic_antialiased").make(folder / "lr")
    return hr, require_store(folder / "lr")


def measure(rounds: int, local_steps: int) -> dict[str, Any]:
    """Return the validation PSNR of each strategy under each fault, dB."""
    with tempfile.TemporaryDirectory() as scratch:
        hr, lr = make_stores(Path(scratch))
        splits = make_splits(hr.index, SplitParameters(test_fraction=0.1, validation_fraction=0.1))
        plan = plan_sites(splits, {}, 0.2, 2)
        sites = make_sites(plan, hr, lr, "cpu", None)
        task = Task(
            architecture="lean",
            architecture_parameters={"channels": 12, "blocks": 2},
            bands=hr.manifest.shape[1],
            recipe=lr.attributes["recipe"],
            value_range=tuple(hr.attributes["value_range"]),
            training=TrainingParameters(
                steps=rounds * local_steps,
                batch_size=4,
                crop_size=16,
                learning_rate=0.004,
                schedule={"warmup_steps": 5},
                validation_chips=2,
                precision="32-true",
                accelerator="cpu",
            ),
            local_steps=local_steps,
        )
        chips = splits.loc[splits["split"] == "validation", "chip"].to_numpy()
        score = Validator(hr.chips, lr.chips, chips, tuple(hr.attributes["value_range"]), 8)
        start = build(task).state_dict()

        def psnr(weights: Mapping[str, torch.Tensor]) -> float:
            return round(score(build(task, weights), torch.device("cpu")), 2)

        found: dict[str, Any] = {
            "sites": len(sites),
            "start_psnr": psnr(start),
        }
        for strategy, arguments in STRATEGIES.items():
            for fault, change in {"none": None, **FAULTS}.items():
                for limit in (None, 10.0) if strategy == "FedAvg" and change else (None,):
                    federation = FederationParameters(
                        strategy={"name": strategy, "arguments": arguments},
                        rounds=rounds,
                        local_steps=local_steps,
                        evaluate_every=rounds,
                        largest_update=limit,
                    )
                    poison = _poison(sites[1].name, change) if change else None
                    try:
                        weights = federate(sites, task, start, federation, poison=poison).weights
                        value = psnr(weights)
                    except Exception as error:  # a broken network may do anything
                        value = f"{type(error).__name__}: {str(error)[:80]}"
                    checked = " checked" if limit else ""
                    found[f"{strategy}{checked}, {fault}"] = (
                        value if isinstance(value, str) or np.isfinite(value) else "not finite"
                    )
        return found


def main() -> None:
    """Print the PSNR as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--local-steps", type=int, default=15)
    given = parser.parse_args()
    print(json.dumps(measure(given.rounds, given.local_steps), indent=1))


if __name__ == "__main__":
    main()
