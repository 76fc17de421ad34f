"""The training of one network, in one process or in several."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
from lightning_fabric import Fabric

from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.training import network
from sen2naip_sr.training.distributed.launcher import launch, remove_left
from sen2naip_sr.training.distributed.rank import local_leader
from sen2naip_sr.training.distributed.relay import Voice
from sen2naip_sr.training.distributed.room import processes_of, refuse_inside
from sen2naip_sr.training.fit import FitResult, Observe, Report
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.reparametrised import Wrap
from sen2naip_sr.weights.files import Weights, WeightsMetadata

STATE, KEPT, RESULT = "state.safetensors", "kept.safetensors", "result.json"
FIELDS = ("history", "step", "best_psnr", "best_step", "seconds", "resumed_from")


def train_network(  # noqa: PLR0913 - the last six are keywords
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    *,
    architecture: str,
    checkpoint: Path,
    generators: Mapping[str, Weights | None] | None = None,
    report: Report | None = None,
    observe: Observe | None = None,
    wrap: Wrap | None = None,
) -> tuple[Weights, FitResult]:
    """Train one network in the processes that its parameters ask for.

    One process on one machine is this one. The processes of several open the stores by their
    folders; ``report`` is called in this one, ``observe`` and ``wrap`` in theirs, and so must be
    functions that can be sent to them. The arguments are those of
    `sen2naip_sr.training.network.train_network`.

    Returns:
        As there; on several machines, on each of them.

    Raises:
        UserError: As there, or if the processes do not fit, do not meet, or one of them fails, or
            this is one of a launcher's.
    """
    p = parameters.training
    refuse_inside()
    if p.distributed.nodes == 1 and processes_of(p) == 1:
        remove_left(checkpoint.parent)
        return network.train_network(
            hr,
            lr,
            splits,
            parameters,
            fabric=make_fabric(p.accelerator, p.precision),
            architecture=architecture,
            checkpoint=checkpoint,
            generators=generators,
            report=report,
            observe=observe,
            wrap=wrap,
        )

    def arguments(folder: Path) -> tuple[tuple[Any, ...], Callable[[], Any]]:
        splits.to_parquet(folder / "splits.parquet")
        job = Job(folder, hr.folder, lr.folder, parameters, architecture, checkpoint.resolve())
        kept = {n: w and _hand_over(folder, n, w) for n, w in (generators or {}).items()}
        return (job, kept, observe, wrap), lambda: read_result(folder, architecture)

    with progress_bar() as bar:
        task = bar.add_task("Starting", total=None, status="")

        def heard(kind: str, content: list[Any]) -> None:
            if kind == "metrics" and report:
                report(content[0], content[1])
            elif kind == "progress":
                done, total, status = content
                bar.update(task, description="Training", completed=done, total=total, status=status)
            elif kind == "log":
                name, level, text = content
                logging.getLogger(name).log(level, text)

        found: tuple[Weights, FitResult] = launch(
            train_rank, arguments, p, checkpoint.parent, heard
        )
        return found


@dataclass(frozen=True)
class Job:
    """A training as processes are handed it.

    Attributes:
        folder: Where the splits are, and where the result goes.
        hr: Folder of the HR chips.
        lr: Folder of their LR chips.
        parameters: The network and its training.
        architecture: The network's name.
        checkpoint: The checkpoint of the training.
    """

    folder: Path
    hr: Path
    lr: Path
    parameters: NetworkParameters
    architecture: str
    checkpoint: Path


def train_rank(  # noqa: PLR0913, PLR0917
    fabric: Fabric,
    voice: Voice,
    job: Job,
    generators: Mapping[str, Path | None],
    observe: Observe | None,
    wrap: Wrap | None,
) -> None:
    """Train in one of several processes; the first of each machine writes the result."""
    weights, result = network.train_network(
        require_store(job.hr),
        require_store(job.lr),
        pd.read_parquet(job.folder / "splits.parquet"),
        job.parameters,
        fabric=fabric,
        architecture=job.architecture,
        checkpoint=job.checkpoint,
        generators={name: _taken_over(path) if path else None for name, path in generators.items()},
        report=voice.report,
        observe=observe,
        wrap=wrap,
        show=voice.show,
    )
    if local_leader():
        write_result(job.folder, weights, result)


def write_result(folder: Path, weights: Weights, result: FitResult) -> None:
    """Write what a training returns, its tensors bit for bit."""
    safetensors.torch.save_file(weights.state, folder / STATE)
    safetensors.torch.save_file(result.state, folder / KEPT)
    fields = {name: getattr(result, name) for name in FIELDS}
    fields["metadata"] = weights.metadata.model_dump_json()
    (folder / RESULT).write_text(json.dumps(fields))


def read_result(folder: Path, architecture: str) -> tuple[Weights, FitResult]:
    """Read what `write_result` wrote."""
    fields = json.loads((folder / RESULT).read_text())
    metadata = WeightsMetadata.model_validate_json(fields.pop("metadata"))
    state = safetensors.torch.load_file(folder / STATE)
    result = FitResult(state=safetensors.torch.load_file(folder / KEPT), **fields)
    return Weights(metadata, state, architecture), result


def _hand_over(folder: Path, name: str, weights: Weights) -> Path:
    target = folder / f"generator_{name}"
    target.mkdir()
    safetensors.torch.save_file(weights.state, target / STATE)
    known = {"source": weights.source, "shipped_as": weights.shipped_as}
    (target / RESULT).write_text(
        json.dumps({"metadata": weights.metadata.model_dump_json(), **known})
    )
    return target


def _taken_over(folder: Path) -> Weights:
    known = json.loads((folder / RESULT).read_text())
    metadata = WeightsMetadata.model_validate_json(known.pop("metadata"))
    return Weights(metadata, safetensors.torch.load_file(folder / STATE), **known)
