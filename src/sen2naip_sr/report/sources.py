"""What runs have left, read for the report; whatever is missing is None or empty."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.chips.store import Store, read_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.runs.tracked import TrackedRun
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped

HR, LR = "02_intermediate/hr", "05_model_input/lr"
SPLITS, MODELS, REPORTING = "05_model_input/splits.parquet", "06_models", "08_reporting"
"""Places below the folder of the data, as the catalog has them."""


_ORDER = sorted(NETWORKS, key=lambda name: (name != "lean", name))  # the project's own first


@dataclass(frozen=True)
class Network:
    """A network in the report: its weights, and the history of their training, if it is there."""

    name: str
    weights: Weights
    history: pd.DataFrame | None = None
    run: TrackedRun | None = None

    @property
    def origin(self) -> str:
        """Where the weights are from: ``shipped`` or ``trained here``."""
        return "shipped" if self.weights.shipped else "trained here"


@dataclass(frozen=True)
class Experiment:
    """The findings of an experiment, its figures and its table."""

    name: str
    findings: str
    figures: list[tuple[str, Path]]
    """Each with its kind: figure, gallery, rounds or animation."""
    table: pd.DataFrame | None
    run: TrackedRun | None = None


@dataclass(frozen=True)
class Sources:
    """All that the report reads.

    Attributes:
        root: The project's folder.
        hr: The HR chips, and with them ``lr`` and ``splits``.
        networks: Those that were trained here, and the shipped ones that the comparison scored; if
            there is neither, all shipped ones.
        comparison: Scores of all methods on the test chips, with ``scores`` by chip.
        optional: The optional metrics that the evaluation was asked for.
        scored_by: The run that scored them.
        figures: Figures of the evaluation by name.
        experiments: Those with findings.
        tuning: The best values of the search, and the importance of each hyperparameter.
        tracked: All tracked runs, the newest first.
    """

    root: Path
    hr: Store | None = None
    lr: Store | None = None
    splits: pd.DataFrame | None = None
    networks: list[Network] = field(default_factory=list)
    comparison: pd.DataFrame | None = None
    places: pd.DataFrame | None = None
    optional: pd.DataFrame | None = None
    scores: pd.DataFrame | None = None
    scored_by: TrackedRun | None = None
    figures: Mapping[str, Path] = field(default_factory=dict)
    experiments: list[Experiment] = field(default_factory=list)
    importance: Mapping[str, float] = field(default_factory=dict)
    tracked: list[TrackedRun] = field(default_factory=list)


def read_sources(
    root: Path, data: Path, tracked: Sequence[TrackedRun], experiments: Sequence[str] = ()
) -> Sources:
    """Read what runs have left.

    Args:
        root: The project's folder.
        data: The folder of its data.
        tracked: The runs that were tracked.
        experiments: Experiments to read; none: all that have findings.

    Raises:
        UserError: If an experiment that is asked for has no findings.
    """
    reporting = data / REPORTING
    newest = sorted(
        (run for run in tracked if run.finished), key=lambda run: run.started, reverse=True
    )
    comparison = _table(reporting / "comparison.csv")
    return Sources(
        root=root,
        hr=read_store(data / HR),
        lr=read_store(data / LR),
        splits=_table(data / SPLITS),
        networks=_networks(data / MODELS, newest, comparison),
        comparison=comparison,
        places=_table(reporting / "places.csv"),
        optional=_table(reporting / "perceptual.csv"),
        scores=_table(reporting / "scores.parquet"),
        scored_by=next((run for run in newest if _scored(run)), None),
        figures={
            name: reporting / f"{name}.png"
            for name in ("comparison", "gallery", "by_place")
            if (reporting / f"{name}.png").is_file()
        },
        experiments=_experiments(reporting, experiments, newest),
        importance=_json(reporting / "tune_importance.json"),
        tracked=newest,
    )


def _scored(run: TrackedRun) -> bool:
    """Return whether a run scored methods on test chips."""
    return any(name.startswith("test_psnr/") for name in run.metrics)


def _networks(
    folder: Path, runs: Sequence[TrackedRun], comparison: pd.DataFrame | None
) -> list[Network]:
    own = {name: folder / name / "weights.safetensors" for name in _ORDER}
    trained = [name for name in _ORDER if own[name].is_file()]
    scored = (
        [] if comparison is None else [name for name in _ORDER if name in set(comparison["method"])]
    )
    shown = {*trained, *scored} or set(_ORDER)
    found = []
    for name in filter(shown.__contains__, _ORDER):
        if name in trained:
            weights = load_weights(own[name])
            history = _table(folder / name / "history.csv")
            found.append(Network(name, weights, history, _trained_by(weights, runs)))
        elif shipped := load_shipped(name):
            found.append(Network(name, shipped))
    return found


def _trained_by(weights: Weights, runs: Sequence[TrackedRun]) -> TrackedRun | None:
    return next(
        (
            run
            for run in runs
            if run.tags.get("weights") == weights.label and run.tags.get("training") != "kept"
        ),
        None,
    )


def _experiments(
    folder: Path, asked: Sequence[str], runs: Sequence[TrackedRun]
) -> list[Experiment]:
    names = list(asked) or sorted(
        file.stem for file in folder.glob("*.txt") if file.stem != "run_comparison"
    )
    for name in names:
        if not (folder / f"{name}.txt").is_file():
            raise UserError(
                "experiment-not-run", f"the experiment '{name}' has no findings", "run it first"
            )
    return [
        Experiment(
            name,
            (folder / f"{name}.txt").read_text(encoding="utf-8").strip(),
            _figures(folder, name),
            _table(folder / f"{name}.csv"),
            next((run for run in runs if name in run.name.split()[0].split("+")), None),
        )
        for name in names
    ]


def _figures(folder: Path, name: str) -> list[tuple[str, Path]]:
    """Return the figures of an experiment: its own, and those of a folder of its name."""
    own = {
        "figure": folder / f"{name}.png",
        "gallery": folder / f"{name}.gallery.png",
        "animation": folder / f"{name}.gif",
    }
    found = [(kind, file) for kind, file in own.items() if file.is_file()]
    return found + [("figure", file) for file in sorted((folder / name).glob("*.png"))]


def _table(file: Path) -> pd.DataFrame | None:
    if not file.is_file():
        return None
    return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
