"""Trainings of the same length side by side: networks, optimisers, ways to draw crops.

One thread each: on shared machines, single threads are disturbed least. Gains are over bicubic on
chips of the validation place of conf/naip.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from candidates import BANDS, CANDIDATES
from naip import stores, training_data
from torch import nn

from sen2naip_sr.models.cost import count_parameters, multiply_adds
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.fit import fit
from sen2naip_sr.training.optimizers import OWN_OPTIMIZERS
from sen2naip_sr.training.parameters import TrainingParameters

MINUTES = 3.0
COMMON = {
    "batch_size": 8,
    "crop_size": 24,
    "learning_rate": 1e-3,
    "validate_every": 10_000,
    "validation_chips": 24,
    "accelerator": "cpu",
}

Trial = tuple[Callable[[], nn.Module], Mapping[str, Any]]
"""Builds a network, and the parameters that differ from `COMMON`."""


def small_lean() -> nn.Module:
    """Return the network that optimisers and samplers are compared with."""
    return build_model("lean", BANDS, channels=32, blocks=4)


def adamw(rate: float) -> Mapping[str, Any]:
    """Return the parameters of AdamW at a learning rate."""
    return {"learning_rate": rate}


EXPERIMENTS: dict[str, dict[str, Trial]] = {
    "candidates": {name: (build, {}) for name, build in CANDIDATES.items()},
    "optimizer": {
        **{f"AdamW, {rate}": (small_lean, adamw(rate)) for rate in (1e-3, 2e-3, 4e-3)},
        **{
            f"{path.rpartition('.')[2]}, {rate}": (
                small_lean,
                {"learning_rate": rate, "optimizer": {"path": path, "arguments": {}}},
            )
            for path in OWN_OPTIMIZERS
            for rate in (1e-3, 2e-3)
        },
    },
    "detail": {
        "uniform": (small_lean, {}),
        "by detail": (small_lean, {"detail": {"share": 0.5}}),
        "by detail, weighted": (small_lean, {"detail": {"share": 0.5, "weighted": True}}),
    },
}


def measure(experiment: str, data: Path) -> dict[str, Any]:
    """Run the trials of an experiment one after another."""
    torch.set_num_threads(1)
    rows = []
    with stores(data) as (hr, lr, splits):
        chips = training_data(hr, lr, splits)
        for name, (build, changes) in EXPERIMENTS[experiment].items():
            torch.manual_seed(0)
            model = build()
            parameters = TrainingParameters(**{**COMMON, "minutes": MINUTES, **changes})
            result = fit(model, chips, parameters)
            rows.append(
                {
                    "trial": name,
                    "parameters": count_parameters(model),
                    "multiply_adds": multiply_adds(model, BANDS, 32, 32) // 1024,
                    "ms_per_megapixel": round(milliseconds_per_megapixel(model)),
                    "steps": result.step,
                    "gain_db": round(result.best_psnr - result.history[0]["validation_psnr"], 3),
                }
            )
            print(rows[-1], flush=True)
    return {"minutes": MINUTES, "rows": rows}


def milliseconds_per_megapixel(model: nn.Module) -> float:
    """Return the median time for a megapixel of the result."""
    image = torch.rand(1, BANDS, 256, 256).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.no_grad():
        for _ in range(5):
            start = time.perf_counter()
            model.eval()(image)
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times) / (4 * image[0, 0].numel() / 1e6)
