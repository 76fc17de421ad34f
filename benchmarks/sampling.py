"""Crops per second: of the sampler alone, and of CARN's training step."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.nn import functional as F

from sen2naip_sr.chips.shards import ShardedArray, ShardWriter
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData

BATCH, CROP, CHIPS, SIZE = 8, 32, 400, 256
ROUNDS = 5


def measure() -> dict[str, float]:
    """Return crops per second of both, measured in turns on memory-mapped chips, and the ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        hr = _shards(Path(scratch), "hr", SIZE)
        lr = _shards(Path(scratch), "lr", SIZE // 2)
        data = TrainingData(hr, lr, np.arange(CHIPS), np.empty(0, int), (0, 255))
        sampler = CropSampler(data, CROP, BATCH, seed=0)
        step = _training_step()
        rounds = [
            (
                _rate(lambda n=n: [sampler.batch(n * 200 + i) for i in range(200)], 200),
                _rate(lambda: [step() for _ in range(5)], 5),
            )
            for n in range(ROUNDS)
        ]
    drawn, consumed = zip(*rounds, strict=True)
    return {
        "sampler_crops_per_s": round(median(drawn)),
        "training_crops_per_s": round(median(consumed)),
        "ratio": round(median(a / b for a, b in rounds), 1),
    }


def _shards(folder: Path, prefix: str, size: int) -> ShardedArray:
    generator = np.random.default_rng(0)
    with ShardWriter(folder, prefix, (4, size, size), np.dtype("uint8")) as writer:
        for _ in range(CHIPS):
            writer.append(generator.integers(0, 256, (4, size, size), dtype=np.uint8))
    return ShardedArray.open([folder / name for name in writer.names])


def _training_step() -> Callable[[], None]:
    """Return one optimiser step of the demo's CARN on ready-made tensors."""
    model = build_model("carn", 4, channels=32).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    lr = torch.rand(BATCH, 4, CROP, CROP).to(memory_format=torch.channels_last)
    hr = torch.rand(BATCH, 4, 2 * CROP, 2 * CROP).to(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        F.l1_loss(model(lr), hr).backward()
        optimizer.step()

    return step


def _rate(function: Callable[[], object], batches: int) -> float:
    start = time.perf_counter()
    function()
    return batches * BATCH / (time.perf_counter() - start)
