"""CARN's training step against a plain loop: eager, float32, a DataLoader of single crops."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from naip import stores, training_data
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from sen2naip_sr.inference.hardware import has_bfloat16
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.trainer import Trainer

BATCH, CROP, ROUNDS = 16, 48, 7


class Crops(Dataset):
    """Single crops, as most training scripts draw them."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return an LR and an HR crop in [0, 1]."""
        chip = self.random.choice(self.data.train)
        lr, hr = self.data.lr[chip], self.data.hr[chip]
        row, column = self.random.integers(0, lr.shape[1] - CROP, 2)
        low = lr[:, row : row + CROP, column : column + CROP]
        high = hr[:, 2 * row : 2 * (row + CROP), 2 * column : 2 * (column + CROP)]
        return tuple(torch.from_numpy(crop.astype(np.float32) / 255) for crop in (low, high))


def measure(data: Path) -> dict[str, Any]:
    """Time steps of both in turns; the result is the ratio of their medians."""
    with stores(data) as (hr, lr, splits):
        crops = training_data(hr, lr, splits)
        loops = {"plain": plain_steps(crops), "ours": our_steps(crops)}
        times: dict[str, list[float]] = {name: [] for name in loops}
        for number in range(ROUNDS + 1):
            for name, steps in loops.items():
                start = time.perf_counter()
                next(steps)
                if number:  # the first step of either sets things up
                    times[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return {
        "plain_s": round(seconds["plain"], 3),
        "ours_s": round(seconds["ours"], 3),
        "ratio": round(seconds["plain"] / seconds["ours"], 2),
        "bfloat16": has_bfloat16("cuda" if torch.cuda.is_available() else "cpu"),
    }


def plain_steps(data: TrainingData) -> Iterator[None]:
    """Train CARN like a minimal script."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build_model("carn", 4, channels=64).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-4)
    for lr, hr in DataLoader(Crops(data), BATCH):
        optimizer.zero_grad()
        loss = F.l1_loss(model(lr.to(device)), hr.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        yield


def our_steps(data: TrainingData) -> Iterator[None]:
    """Train CARN with the project's trainer, in its default precision."""
    model = build_model("carn", 4, channels=64)
    parameters = TrainingParameters(
        steps=1_000,
        batch_size=BATCH,
        crop_size=CROP,
        learning_rate=5e-4,
        compile=torch.cuda.is_available(),
    )
    trainer = Trainer(model, data, parameters, make_fabric("auto", "auto"))
    while True:
        trainer.train_step(0.0)
        yield
