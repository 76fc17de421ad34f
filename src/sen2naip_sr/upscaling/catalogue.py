"""The networks that come with weights: their size, quality and speed."""

import json
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.speed import measure_speed
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.models.registry import get_spec
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.shipped import FOLDER, load_shipped


@dataclass(frozen=True)
class Entry:
    """A network that comes with weights.

    Attributes:
        model, title: Its name, and its name in tables.
        parameters, megabytes: The number of its weights, and the size of their file.
        receptive_field: LR pixels to each side that an output pixel depends on.
        psnr, gain: On the benchmark's test chips, dB, and above the best interpolation there.
        speed: Megapixels of the result a second on this machine; None if not measured.
    """

    model: str
    title: str
    parameters: int
    megabytes: float
    receptive_field: int
    psnr: float
    gain: float
    speed: float | None


def entries(*, measure: bool) -> list[Entry]:
    """Return the networks that come with weights, the best first.

    ``measure`` times them on this machine too, which takes some seconds each.
    """
    scores = json.loads((FOLDER / "scores.json").read_text())
    found = [
        _entry(weights, scores[name]["scores"]["native"]["all"], measure)
        for name in NETWORKS
        if name in scores and (weights := load_shipped(name))
    ]
    return sorted(found, key=lambda entry: -entry.psnr)


def print_models(*, measure: bool) -> None:
    """Print the table of `entries`."""
    table = Table(
        title="networks with weights, on the README's test chips (NAIP, 0.6 m and 1 m)",
        caption="gain: over the best interpolation; speed: of the result, on this machine",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for column in ("--model", "network"):
        table.add_column(column)
    sizes = ("parameters", "MB", "receptive\nfield")
    for column in (*sizes, "PSNR\ndB", "gain\ndB", "megapixels\na second"):
        table.add_column(column, justify="right", no_wrap=True)
    for entry in entries(measure=measure):
        table.add_row(
            entry.model,
            entry.title,
            f"{entry.parameters:,}",
            f"{entry.megabytes:.1f}",
            str(entry.receptive_field),
            f"{entry.psnr:.2f}",
            f"{entry.gain:+.2f}",
            "" if entry.speed is None else f"{entry.speed:.2f}",
        )
    Console(width=None if Console().is_terminal else 100).print(table)


def _entry(weights: Weights, scores: dict[str, float], measure: bool) -> Entry:
    name = weights.metadata.architecture
    network = weights.build()
    return Entry(
        model=name,
        title=get_spec(name).title,
        parameters=sum(weight.numel() for weight in network.parameters()),
        megabytes=Path(weights.source).stat().st_size / 1e6,
        receptive_field=int(network.receptive_field),  # type: ignore[arg-type]
        psnr=scores["psnr"],
        gain=scores["delta_psnr"],
        speed=measure_speed(make_network(network)).megapixels if measure else None,
    )
