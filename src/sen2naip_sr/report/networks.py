"""What the report says of networks and of the losses that they were trained with."""

import inspect
import math
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from sen2naip_sr.evaluation.runs.tracked import TrackedRun
from sen2naip_sr.models.cost import count_parameters, multiply_adds_per_pixel, widest_layer
from sen2naip_sr.models.registry import MODELS
from sen2naip_sr.report import hyperparameters
from sen2naip_sr.report.diagram import draw_network
from sen2naip_sr.report.layers import TIMES, Stage, stages_of
from sen2naip_sr.report.sources import Network, Sources
from sen2naip_sr.training import losses

TILE = 256
"""Side of the LR tile whose memory is told."""


def network_content(network: Network, sources: Sources, folder: Path) -> dict[str, Any]:
    """Return what is told of a network, and write its drawing."""
    weights = network.weights
    bands, model = weights.metadata.bands, weights.build()
    side = 8 * math.lcm(2, int(getattr(model, "multiple", 1)))
    widest = widest_layer(model, bands, side)
    model = model.to("meta")  # shapes and counts need no pixels
    stages = stages_of(model, bands)
    name = f"{network.name}.svg"
    (folder / name).write_text(draw_network(stages, bands), encoding="utf-8")
    count = count_parameters(model)
    return {
        "name": network.name,
        "title": MODELS[weights.metadata.architecture].title,
        "about": _first_paragraph(network),
        "origin": network.origin,
        "label": weights.label,
        "run": named(network.run),
        "seconds": _seconds(network.run),
        "other_data": _other_data(network, sources),
        "figure": name,
        "stages": [
            [
                str(row),
                stage.name,
                stage.kind + (f" {TIMES} {stage.count}" if stage.count > 1 else ""),
                stage.shape,
                f"{stage.parameters * stage.count:,}",
            ]
            for row, stage in enumerate(stages, 1)
        ],
        "heaviest": _heaviest(stages),
        "parameters": f"{count:,}",
        "megabytes": f"{4 * count / 1e6:.2f}",
        "activations": f"{4 * widest * TILE**2 / 1e6:.0f}",
        "multiply_adds": f"{multiply_adds_per_pixel(model, bands):,.0f}",
        "receptive": str(model.receptive_field),
        "validation": number(weights.metadata.validation_psnr),
        "step": weights.metadata.step,
        "trained_on": ", ".join(weights.metadata.train_places),
        "losses": " and ".join(f"{loss} (weight {w:g})" for loss, w in _losses_of(network).items()),
        "hyperparameters": hyperparameters.rows_of(network, sources.importance),
    }


def _heaviest(stages: Sequence[Stage]) -> tuple[str, str]:
    """Return the kind of stages with the most parameters: its share, and what it is called."""
    sums: Counter[str] = Counter()
    for stage in stages:
        sums[stage.kind.partition(": ")[0]] += stage.parameters * stage.count
    (kind, most), *_ = sums.most_common(1)
    return f"{most / sum(sums.values()):.0%}", kind


def _seconds(run: TrackedRun | None) -> str:
    """Return the wall time of a run as text; empty if it is not known."""
    seconds = run.metrics.get("usage/wall_seconds") if run else None
    return f"{seconds:,.0f}" if seconds else ""


def _other_data(network: Network, sources: Sources) -> bool:
    """Return whether a network that was trained here was trained on other chips."""
    shipped, hr = network.weights.shipped, sources.hr
    return (
        not shipped and hr is not None and network.weights.metadata.data_hash != hr.manifest.content
    )


def _first_paragraph(network: Network) -> str:
    found = inspect.getmodule(MODELS[network.weights.metadata.architecture].build)
    text = (inspect.getdoc(found) or "").split("\n\n")[0] if found else ""
    return " ".join(text.split())


def _losses_of(network: Network) -> dict[str, float]:
    """Return the losses of a training and their weights; early versions had one, without weight."""
    training = network.weights.metadata.training
    return training.get("losses") or {training.get("loss", "unknown"): 1.0}


def losses_content(sources: Sources) -> list[dict[str, str]]:
    """Return the losses that there are, and which of them the networks were trained with."""
    used = {name for network in sources.networks for name in _losses_of(network)}
    found = []
    for module in iter_modules(losses.__path__):
        text = inspect.getdoc(import_module(f"{losses.__name__}.{module.name}")) or ""
        found.append(
            {
                "name": module.name,
                "what": " ".join(text.split("\n\n")[0].split()),
                "used": "yes" if module.name in used else "",
            }
        )
    return found


def named(run: TrackedRun | None) -> str:
    """Return the name of a run; empty if there is none."""
    return str(run) if run else ""


def number(value: float, decimals: int = 2) -> str:
    """Return a number as text; empty if there is none."""
    return "" if math.isnan(value) else f"{value:.{decimals}f}"
