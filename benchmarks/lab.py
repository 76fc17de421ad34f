"""Trainings of equal length side by side: networks, optimisers, ways to sample crops.

One thread each: on shared machines, single threads are disturbed least. Gains are over bicubic on
chips of the validation place of conf/naip, at their own pixel and at one four times as large.
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
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.fit import fit
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.optimization.optimizers import OWN_OPTIMIZERS
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.validation import Validator

MINUTES = 3.0
MINUTES_OF_THE_BEST = 12.0
REDUCTION = 4
CPU = torch.device("cpu")
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
    """Return the network for comparisons of optimisers and samplers."""
    return build_model("lean", BANDS, channels=32, blocks=4)


def larger_pixels(share: float) -> Mapping[str, Any]:
    """Return the parameters that downsample a share of the crops first."""
    return {"augmentation": {"pixel_sizes": {"share": share, "largest": float(REDUCTION)}}}


def adamw(rate: float) -> Mapping[str, Any]:
    """Return the parameters of AdamW at a learning rate."""
    return {"learning_rate": rate}


EXPERIMENTS: dict[str, dict[str, Trial]] = {
    "candidates": {name: (build, {}) for name, build in CANDIDATES.items()},
    "equal_time": {
        "**Lean**": (lambda: build_model("lean", BANDS), {}),
        "CARN": (lambda: build_model("carn", BANDS), {}),
    },
    "pixel_sizes": {
        "the data's own pixels": (small_lean, {}),
        **{f"{share:.0%} larger": (small_lean, larger_pixels(share)) for share in (0.25, 0.5)},
    },
    "optimizer": {
        **{f"AdamW, {rate}": (small_lean, adamw(rate)) for rate in (1e-3, 2e-3, 4e-3)},
        **{
            f"{path.rpartition('.')[2]}, {rate}": (
                small_lean,
                {"learning_rate": rate, "optimizer": {"path": path, "arguments": {}}},
            )
            for path in OWN_OPTIMIZERS
            for rate in (1e-3, 2e-3, 4e-3)
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
    minutes = MINUTES_OF_THE_BEST if experiment == "equal_time" else MINUTES
    rows = []
    with stores(data) as native, stores(data, REDUCTION) as reduced:
        chips, coarse = training_data(*native), training_data(*reduced)
        for name, (build, changes) in EXPERIMENTS[experiment].items():
            parameters = TrainingParameters(**{**COMMON, "minutes": minutes, **changes})
            rows.append({"trial": name} | run(build, chips, coarse, parameters))
            print(rows[-1], flush=True)
    return {"minutes": minutes, "rows": rows}


def run(
    build: Callable[[], nn.Module],
    chips: TrainingData,
    coarse: TrainingData,
    parameters: TrainingParameters,
) -> dict[str, Any]:
    """Train a network and return its cost and its gains.

    Args:
        build: Makes the network.
        chips: What it is trained and scored on.
        coarse: Chips of larger pixels that it is scored on as well.
        parameters: Of the training.
    """
    torch.manual_seed(0)
    model = build()
    most = parameters.validation_chips
    scored = (coarse.hr, coarse.lr, coarse.validation, coarse.value_range)
    validate_coarse = Validator(*scored, most)
    untrained = validate_coarse(model, CPU)
    result = fit(
        model, chips, parameters, make_fabric(parameters.accelerator, parameters.precision)
    )
    model.load_state_dict(result.state)
    return {
        "parameters": count_parameters(model),
        "multiply_adds": multiply_adds(model, BANDS, 32, 32) // 1024,
        "ms_per_megapixel": round(milliseconds_per_megapixel(model)),
        "steps": result.step,
        "gain_db": round(result.best_psnr - result.history[0]["validation_psnr"], 3),
        "coarse_gain_db": round(validate_coarse(model, CPU) - untrained, 3),
    }


def milliseconds_per_megapixel(model: nn.Module) -> float:
    """Return the median time per megapixel of the result."""
    image = torch.rand(1, BANDS, 256, 256).contiguous(memory_format=torch.channels_last)
    times = []
    with torch.no_grad():
        for _ in range(5):
            start = time.perf_counter()
            model.eval()(image)
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times) / (4 * image[0, 0].numel() / 1e6)
