"""The outcome of a variation, and the files of its folder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.files import write_atomically
from sen2naip_sr.weights.files import Weights, load_weights

OUTCOME, WEIGHTS, CHECKPOINT = "outcome.json", "weights.safetensors", "checkpoint.pt"
SCORES, HISTORY, FRAMES = "scores.parquet", "history.csv", "frames"


class Outcome(BaseModel):
    """The outcome of a variation; plain JSON.

    Attributes:
        name: The variation's name.
        model: Its network.
        tags: Its tags.
        fingerprint: A hash of all that the outcome depends on.
        error: Why it failed; None if it did not.
        seconds: Wall-clock time of the training, interrupted parts included.
        steps: Steps done.
        psnr: Mean PSNR of the held-out chips with the kept weights, dB.
        parameters: Number of trainable parameters.
        multiply_adds: Per LR pixel.
        curve: Steps with their validation PSNR, dB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    model: str
    tags: dict[str, str]
    fingerprint: str
    error: str | None = None
    seconds: float = 0.0
    steps: int = 0
    psnr: float | None = None
    parameters: int = 0
    multiply_adds: int = 0
    curve: list[tuple[int, float]] = []


def curve_of(history: Iterable[Mapping[str, float]]) -> list[tuple[int, float]]:
    """Return the steps of a training's history with their validation PSNR, dB."""
    scored = [entry for entry in history if "validation_psnr" in entry]
    return [(int(entry["step"]), entry["validation_psnr"]) for entry in scored]


def read_outcome(folder: Path) -> Outcome | None:
    """Return the outcome in a variation's folder; None if there is none that can be read."""
    try:
        return Outcome.model_validate_json((folder / OUTCOME).read_text())
    except (OSError, ValueError):
        return None


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Write an outcome to its variation's folder, atomically."""
    write_atomically(folder / OUTCOME, outcome.model_dump_json(indent=1).encode())


def read_scores(folder: Path, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return the held-out scores of the outcomes that did not fail, from the experiment's folder.

    The columns are those of `sen2naip_sr.evaluation.scoring.score_methods`; ``method`` is the
    variation's name.
    """
    return pd.concat(
        [
            pd.read_parquet(folder / outcome.name / SCORES)
            for outcome in outcomes
            if not outcome.error
        ],
        ignore_index=True,
    )


def read_methods(folder: Path, outcomes: Sequence[Outcome]) -> list[Method]:
    """Return the trained networks of outcomes that did not fail, named as their variations."""
    return [
        Method(name, name, weights.build(), trained=True)
        for name, weights in read_weights(folder, outcomes).items()
    ]


def read_weights(folder: Path, outcomes: Sequence[Outcome]) -> dict[str, Weights]:
    """Return the weights of outcomes that did not fail, by the names of their variations."""
    return {
        outcome.name: load_weights(folder / outcome.name / WEIGHTS)
        for outcome in outcomes
        if not outcome.error
    }
