"""The inputs of an experiment, and its findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.parameters import Workers
from sen2naip_sr.experiments.running.runner import run_variations
from sen2naip_sr.experiments.running.variation import Variation

Done = Callable[[Path, Variation, Outcome], object]
"""Called with the folder of the trainings, a variation and its outcome, as variations end."""


@dataclass(frozen=True)
class Setting:
    """The data, networks and folder of an experiment.

    Attributes:
        hr: HR chips.
        lr: Their LR chips.
        splits: From `sen2naip_sr.chips.splits.make_splits`.
        evaluation: How held-out chips are scored.
        networks: The parameters of every network by its name, as in a configuration file.
        model: The network of experiments that name none.
        folder: Where trainings are kept.
        folds: The number of folds that the splits were asked to have.
    """

    hr: Store
    lr: Store
    splits: pd.DataFrame
    evaluation: EvaluationParameters
    networks: Mapping[str, Mapping[str, Any]]
    model: str
    folder: Path
    folds: int = 0

    def network(self, name: str | None) -> tuple[str, Mapping[str, Any]]:
        """Return the name and the parameters of a network; None: of the one named by ``model``.

        Raises:
            UserError: If there is no such network.
        """
        chosen = name or self.model
        if chosen not in self.networks:
            raise UserError(
                "unknown-model",
                f"unknown model '{chosen}'",
                f"choose one of {', '.join(sorted(self.networks))}",
            )
        return chosen, self.networks[chosen]

    def below(self, name: str) -> "Setting":
        """Return the same with a subfolder for the trainings."""
        return replace(self, folder=self.folder / name)

    def run(
        self, variations: Sequence[Variation], workers: Workers, done: Done | None = None
    ) -> list[Outcome]:
        """Train variations; see `sen2naip_sr.experiments.running.runner.run_variations`."""
        return run_variations(
            variations,
            self.hr,
            self.lr,
            self.folder,
            self.evaluation,
            workers=workers,
            done=partial(done, self.folder) if done else None,
        )


@dataclass(frozen=True)
class Findings:
    """The findings of an experiment in words, the numbers, and more tables and pictures by name."""

    text: str
    table: pd.DataFrame
    more: Mapping[str, Any] = field(default_factory=dict)


def describe_failures(outcomes: Sequence[Outcome]) -> str:
    """Return a sentence on the variations that failed; empty where none did."""
    failed = [f"{outcome.name} ({outcome.error})" for outcome in outcomes if outcome.error]
    return f" Failed and left out: {'; '.join(failed)}." if failed else ""
