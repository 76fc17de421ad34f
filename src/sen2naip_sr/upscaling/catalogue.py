"""The weights that come with the project: their size, quality and speed."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from sen2naip_sr.inference.hardware import resolve_device
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.speed import measure_speed
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.names import FOLDER, GENERAL, shipped_names
from sen2naip_sr.weights.scores import Scores
from sen2naip_sr.weights.shipped import load_shipped

_WIDTH = 110
"""Columns of a table that does not go to a terminal."""


@dataclass(frozen=True)
class Quality:
    """The quality on one test place, of low resolution made by the recipe.

    Attributes:
        place, sensor: The place, and the sensor of its imagery.
        psnr, gain: Mean over its images, dB, and above Lanczos.
    """

    place: str
    sensor: str
    psnr: float
    gain: float


@dataclass(frozen=True)
class Entry:
    """Weights that come with the project.

    Attributes:
        model, title: Their name, and the name of the network in tables.
        parameters, megabytes: The number of weights, and the size of their file.
        receptive_field: LR pixels to each side that an output pixel depends on.
        quality: By test place. None of these places was trained on.
        psnr, gain: Means over these places, dB; the gain is that above Lanczos.
        speed: Megapixels of the result a second on this machine; None if not measured.
    """

    model: str
    title: str
    parameters: int
    megabytes: float
    receptive_field: int
    quality: tuple[Quality, ...]
    speed: float | None

    @property
    def psnr(self) -> float:  # noqa: D102
        return _mean(place.psnr for place in self.quality)

    @property
    def gain(self) -> float:  # noqa: D102
        return _mean(place.gain for place in self.quality)


def entries(*, measure: bool) -> list[Entry]:
    """Return the weights that come with the project.

    `GENERAL` come first, then those of the benchmark by their PSNR.

    ``measure`` times them on this machine too, which takes some seconds each.
    """
    file = FOLDER / "scores.json"
    benchmark = json.loads(file.read_text()) if file.exists() else {}
    found = [
        _entry(weights, _quality(weights, benchmark), measure)
        for name in shipped_names()
        if (weights := load_shipped(name))
    ]
    return sorted(found, key=_rank)


def describe_models(*, measure: bool) -> dict[str, Any]:
    """Return `entries` as JSON takes them, with their cards, the version and the processors."""
    return {
        "version": __version__,
        "device": str(resolve_device("auto")),
        "threads": torch.get_num_threads(),
        "models": [
            {**asdict(entry), "gain": _or_none(entry.gain), "card": card(entry.model)}
            for entry in entries(measure=measure)
        ],
    }


def card(model: str) -> str:
    """Return the model card of shipped weights as Markdown; empty if there is none."""
    path = FOLDER / f"{model}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def print_models(*, measure: bool) -> None:
    """Print the tables of `entries`."""
    found = entries(measure=measure)
    console = Console(width=None if Console().is_terminal else _WIDTH)
    console.print(_sizes(found))
    console.print(_gains(found))


def _sizes(found: Sequence[Entry]) -> Table:
    measured = any(entry.speed is not None for entry in found)
    table = Table(
        title="weights that come with the project",
        caption="speed: of the result, on this machine" if measured else None,
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for column in ("--model", "network"):
        table.add_column(column)
    speed = ["megapixels\na second"] if measured else []
    for column in ("parameters", "MB", "receptive\nfield", *speed):
        table.add_column(column, justify="right", no_wrap=True)
    for entry in found:
        table.add_row(
            entry.model,
            entry.title,
            f"{entry.parameters:,}",
            f"{entry.megabytes:.1f}",
            str(entry.receptive_field),
            *([] if entry.speed is None else [f"{entry.speed:.2f}"]),
        )
    return table


def _gains(found: Sequence[Entry]) -> Table:
    table = Table(
        title="gain over Lanczos in dB of PSNR, on test places",
        caption="clean images, fewer for default, fast and best; docs/results.md says more",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("place")
    table.add_column("sensor")
    for entry in found:
        table.add_column(entry.model, justify="right", no_wrap=True)
    sensors: dict[str, str] = {}
    for entry in found:
        for place in entry.quality:
            sensors.setdefault(place.place, place.sensor)
    for name, sensor in sensors.items():
        gains = [{place.place: place.gain for place in entry.quality} for entry in found]
        table.add_row(
            name, sensor, *(f"{gain[name]:+.2f}" if name in gain else "" for gain in gains)
        )
    return table


def _entry(weights: Weights, quality: tuple[Quality, ...], measure: bool) -> Entry:
    network = weights.build()
    title = get_spec(weights.metadata.architecture).title
    return Entry(
        model=weights.name,
        title=f"{title}, conditioned" if weights.conditioned else title,
        parameters=sum(tensor.numel() for tensor in weights.state.values()),
        megabytes=Path(weights.source).stat().st_size / 1e6,
        receptive_field=int(network.receptive_field),  # type: ignore[arg-type]
        quality=quality,
        speed=measure_speed(make_network(network)).megapixels if measure else None,
    )


def _quality(weights: Weights, benchmark: Mapping[str, Any]) -> tuple[Quality, ...]:
    """Return the recorded scores: beside the weights, or in the benchmark's record."""
    if scores := Scores.read(Path(weights.source)):
        return tuple(
            Quality(place.place, place.sensor, place.clean[0].psnr, place.clean[0].over_lanczos)
            for place in scores.places
        )
    recorded = benchmark.get(weights.name)
    places = recorded["scores"]["native"]["places"] if recorded else {}
    return tuple(
        Quality(name, "NAIP", row["psnr"], row["delta_psnr"]) for name, row in places.items()
    )


def _rank(entry: Entry) -> tuple[int, float]:
    known = entry.model in GENERAL
    return (GENERAL.index(entry.model) if known else len(GENERAL)), -entry.psnr


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return fmean(known) if known else math.nan
