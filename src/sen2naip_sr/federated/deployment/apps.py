"""Flower's two apps, as the processes of SuperLink and SuperNode run them.

What they work on is named by files of the machine that they run on.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import torch
from flwr.app import Context
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from sen2naip_sr.chips.store import require_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.client import make_client_app
from sen2naip_sr.federated.deployment.parameters import ServerSettings, SiteSettings
from sen2naip_sr.federated.local import build
from sen2naip_sr.federated.rounds import Round
from sen2naip_sr.federated.server import Weights, run_rounds
from sen2naip_sr.federated.sites import Site, make_site, plan_site
from sen2naip_sr.federated.task import Task
from sen2naip_sr.files import write_atomically
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.weights.files import Weights as WeightsFile
from sen2naip_sr.weights.files import load_weights, save_weights
from sen2naip_sr.weights.names import shipped_names
from sen2naip_sr.weights.shipped import load_shipped

SETTINGS, STATE, ROUNDS, RESULT, PROCESS, WEIGHTS = (
    "settings.json", "state.safetensors", "rounds.json", "result.json", "server.pid",
    "weights.safetensors",
)  # fmt: skip
"""Files in the server's folder."""


def make_server_app() -> ServerApp:
    """Return the app of a server."""
    server = ServerApp()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        serve(grid, Path(str(context.run_config["folder"])))

    return server


def make_site_app() -> ClientApp:
    """Return the app of a site."""
    return make_client_app(lambda context: find_site(str(context.node_config["site"])))


def serve(grid: Grid, folder: Path) -> None:
    """Run the rounds that remain, and leave weights and result in the server's folder."""
    write_atomically(folder / PROCESS, str(os.getpid()).encode())
    try:
        settings = ServerSettings.model_validate_json((folder / SETTINGS).read_text())
        start = starting_weights(settings.weights)
        task = make_task(settings, start)
        result = run_rounds(
            grid,
            task,
            initial_state(settings, task, start),
            settings.federation,
            sites=settings.sites,
            names={},
            seed=None,
            checkpoint=folder / STATE,
            fingerprint={"start": start.label, "fresh": settings.fresh},
            report=_reporter(folder),
        )
        save_result(folder / WEIGHTS, result.weights, task, start, settings, result.rounds)
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        write_atomically(folder / RESULT, json.dumps({"error": said}).encode())
        raise
    write_atomically(folder / RESULT, json.dumps({"rounds": len(result.rounds)}).encode())


def _reporter(folder: Path) -> Any:
    seen: list[str] = []
    if (folder / ROUNDS).is_file():
        seen = (folder / ROUNDS).read_text().splitlines()

    def report(this: Round, weights: Weights) -> None:
        del seen[this.number - 1 :]
        seen.append(this.model_dump_json())
        write_atomically(folder / ROUNDS, ("\n".join(seen) + "\n").encode())

    return report


def starting_weights(name: str) -> WeightsFile:
    """Return shipped weights by their name, or those in a file.

    Raises:
        UserError: If there are none.
    """
    if name in shipped_names():
        found = load_shipped(name)
        assert found is not None
        return found
    return load_weights(Path(name))


def make_task(settings: ServerSettings, start: WeightsFile) -> Task:
    """Return what the sites are asked for."""
    p, known = settings.federation, start.metadata
    steps = p.rounds * p.local_steps
    return Task(
        architecture=known.architecture,
        architecture_parameters=known.architecture_parameters,
        bands=known.bands,
        recipe=known.recipe,
        value_range=known.value_range,
        training=TrainingParameters.model_validate({**settings.training, "steps": steps}),
        local_steps=p.local_steps,
        keep_optimizer=p.keep_optimizer,
        weighting=p.weighting,
    )


def initial_state(settings: ServerSettings, task: Task, start: WeightsFile) -> Weights:
    """Return the first weights: those to start from, or random ones."""
    if settings.fresh:
        return build(task).state_dict()
    torch.manual_seed(task.training.seed)
    model = build_model(task.architecture, task.bands, **task.architecture_parameters)
    start.load_into(model)
    return model.state_dict()


def save_result(  # noqa: PLR0913, PLR0917 - all that the metadata say
    path: Path, weights: Weights, task: Task, start: WeightsFile, settings: ServerSettings,
    rounds: list[Round],
) -> None:  # fmt: skip
    """Write the server's weights; what sites trained on is known by their names alone."""
    sites = {site for one in rounds for site in one.sites}
    places = sorted(sites | (set() if settings.fresh else set(start.metadata.train_places)))
    metadata = start.metadata.model_copy(
        update={
            "training": task.training.model_dump(),
            "step": task.training.steps,
            "validation_psnr": last_psnr(rounds) or start.metadata.validation_psnr,
            "train_places": places,
            "started_from": None if settings.fresh else start.label,
            "seen": None,
            "data_hash": "federated",
            "split_hash": "federated",
            "packed": None,
        }
    )
    save_weights(path, dict(weights), metadata)


def last_psnr(rounds: list[Round]) -> float | None:
    """Return the mean of the sites' last scores of the server's weights, dB; None: no score."""
    for one in reversed(rounds):
        if scores := [site["psnr"] for site in one.sites.values() if "psnr" in site]:
            return sum(scores) / len(scores)
    return None


@cache
def find_site(file: str) -> Site:
    """Return the site that a file of settings describes."""
    return open_site(SiteSettings.model_validate_json(Path(file).read_text()))


def open_site(settings: SiteSettings) -> Site:
    """Return a site whose stores lie on this machine.

    Raises:
        UserError: If a store is missing, a place is unknown, or there are too few chips.
    """
    hr, lr = require_store(Path(settings.hr)), require_store(Path(settings.lr))
    index = hr.index
    if index is None:
        raise UserError(
            "store-without-index", f"{settings.hr}: has no index of its chips", "ingest it again"
        )
    if settings.places is not None:
        if unknown := sorted(set(settings.places) - set(index["place"])):
            raise UserError(
                "unknown-place",
                f"site '{settings.name}' has no place '{unknown[0]}'; it has "
                f"{', '.join(sorted(index['place'].unique()))}",
                "choose from these",
            )
        index = index[index["place"].isin(settings.places)]
    chips = plan_site(settings.name, index, settings.held_out, settings.fewest_chips)
    made = make_site(settings.name, chips, hr, lr, settings.accelerator, Path(settings.folder))
    return Site(**{**made.__dict__, "clip": settings.clip})
