"""A federated training from the server's side, within one process or over a network."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from flwr.app import Array as Packed
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from torch import Tensor

from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.client import TASK, make_client_app
from sen2naip_sr.federated.flower import require_flower
from sen2naip_sr.federated.grid import LocalGrid
from sen2naip_sr.federated.local import Poison
from sen2naip_sr.federated.parameters import FederationParameters
from sen2naip_sr.federated.privacy import epsilon_of, make_private
from sen2naip_sr.federated.rounds import PATIENCE, Round, Rounds
from sen2naip_sr.federated.sites import Site
from sen2naip_sr.federated.state import load_state, save_state, state_of
from sen2naip_sr.federated.strategies import make_strategy
from sen2naip_sr.federated.task import Task, check_task

logger = logging.getLogger(__name__)

Weights = Mapping[str, Tensor]
Report = Callable[[Round, Weights], object]
"""Takes a round that has ended, to which it may add, and the server's weights after it."""


@dataclass(frozen=True)
class Federated:
    """The result of a federated training.

    Attributes:
        weights: The server's last weights, on the CPU.
        rounds: All rounds, those before an interruption included.
        resumed_from: The rounds that had been done before.
    """

    weights: dict[str, Tensor]
    rounds: list[Round]
    resumed_from: int = 0


def federate(  # noqa: PLR0913 - the last four are keywords
    sites: Sequence[Site],
    task: Task,
    start: Weights,
    parameters: FederationParameters,
    *,
    checkpoint: Path | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    report: Report | None = None,
    poison: Poison | None = None,
) -> Federated:
    """Train over sites in this process, one after the other.

    On a CPU, equal sites, task, parameters and number of threads give equal weights bit for bit,
    also if the training was killed and resumed; but see ``timeout``.

    Args:
        sites: The sites, with names of their own.
        task: What is trained.
        start: The weights to start from.
        parameters: Rounds and strategy.
        checkpoint: The file of the server's state; it is removed at the end. None: keep none.
        fingerprint: What the result depends on besides: chips, weights to start from.
        report: Called after every round.
        poison: Changes what sites send: for the tests of strategies.

    Raises:
        UserError: If sites do not fit the task, the strategy or the privacy, no round had enough
            usable answers, or Flower is not installed.
    """
    require_flower()
    sites = sorted(sites, key=lambda site: site.name)
    for site in sites:
        site.require_fit(task)
    app: ClientApp = make_client_app(
        lambda context: sites[int(context.node_config["partition-id"])], poison=poison
    )
    grid = LocalGrid(app, [site.name for site in sites])
    return run_rounds(
        grid,
        task,
        start,
        parameters,
        sites=len(sites),
        names=grid.names,
        seed=task.training.seed,
        checkpoint=checkpoint,
        fingerprint={"sites": [site.name for site in sites], **(fingerprint or {})},
        report=report,
    )


def run_rounds(  # noqa: PLR0913 - all but the first four are keywords
    grid: Grid,
    task: Task,
    start: Weights,
    parameters: FederationParameters,
    *,
    sites: int,
    names: Mapping[int, str],
    seed: int | None,
    checkpoint: Path | None = None,
    fingerprint: Mapping[str, Any] | None = None,
    report: Report | None = None,
) -> Federated:
    """Run the rounds that remain, over any grid of Flower.

    Args:
        grid: Reaches the sites.
        task: As for `federate`; likewise the rest.
        start: The weights to start from.
        parameters: Rounds and strategy.
        sites: How many sites there are.
        names: Names of nodes, as far as they are known.
        seed: See `sen2naip_sr.federated.rounds.Rounds`.
        checkpoint: The file of the server's state.
        fingerprint: What the result depends on besides.
        report: Called after every round.
    """
    check_task(task)
    p, clients = parameters, min(parameters.clients or sites, sites)
    strategy: Strategy = make_strategy(p.strategy, clients, evaluate=True)
    if p.privacy:
        strategy = make_private(strategy, p.privacy, clients, p.rounds)  # type: ignore[arg-type]
    parts = {
        "task": task.model_dump(mode="json"),
        "federation": p.model_dump(include=set(FederationParameters.model_fields)),
        **(fingerprint or {}),
    }
    kept = _Kept(checkpoint, parts)
    first, done = kept.restore(strategy) or (start, [])
    rounds = Rounds(strategy, p, clients, names=names, done=done, seed=seed)
    end = _RoundEnd(rounds, p, kept, report, _packed(first))
    if len(done) < p.rounds:
        asked = ConfigRecord({TASK: task.model_dump_json()})
        rounds.start(
            grid,
            end.arrays,
            num_rounds=p.rounds - len(done),
            timeout=p.timeout or (None if seed is not None else PATIENCE),  # type: ignore[arg-type]
            train_config=asked,
            evaluate_config=asked,
            evaluate_fn=end,
        )
    _require_some(rounds.rounds)
    kept.remove()
    return Federated(_unpacked(end.arrays), rounds.rounds, len(done))


@dataclass(frozen=True)
class _Kept:
    """The file of a server's state, if there is one, and what the state belongs to."""

    file: Path | None
    fingerprint: Mapping[str, Any]

    def restore(self, strategy: Strategy) -> tuple[Weights, list[Round]] | None:
        """Give a strategy its moments; return the weights, and the rounds that were done."""
        saved = load_state(self.file, self.fingerprint) if self.file else None
        if saved is None:
            return None
        saved.restore(strategy)
        logger.info("The training resumes after round %d", len(saved.rounds))
        return {name: torch.from_numpy(a) for name, a in saved.weights.items()}, saved.rounds

    def save(self, strategy: Strategy, arrays: ArrayRecord, rounds: list[Round]) -> None:
        if self.file:
            held = {name: array.numpy() for name, array in arrays.items()}
            save_state(self.file, state_of(strategy, held, rounds), self.fingerprint)

    def remove(self) -> None:
        if self.file:
            self.file.unlink(missing_ok=True)


class _RoundEnd:
    """What follows a round: it is noted, reported and saved.

    Attributes:
        arrays: The server's present weights.
    """

    def __init__(
        self,
        rounds: Rounds,
        parameters: FederationParameters,
        kept: _Kept,
        report: Report | None,
        arrays: ArrayRecord,
    ) -> None:
        self._rounds, self._p, self._kept, self._report = rounds, parameters, kept, report
        self.arrays = arrays

    def __call__(self, server_round: int, arrays: ArrayRecord) -> MetricRecord | None:
        """Note the end of a round; Flower counts those of this process, and a zeroth one."""
        if server_round == 0:
            return None
        self.arrays, done = arrays, self._rounds.rounds
        if self._p.privacy:
            # a round that changes nothing gives nothing away
            released = sum(one.aggregated for one in done)
            done[-1].epsilon = epsilon_of(self._p.privacy, released)
        if self._report:
            self._report(done[-1], _unpacked(arrays))
        _say(done[-1], self._p.rounds)
        self._kept.save(self._rounds.inner, arrays, done)
        return None


def _say(this: Round, rounds: int) -> None:
    for site, problem in this.refused.items():
        logger.warning("Round %d: %s is left out: %s", this.number, site, problem.strip())
    if not this.aggregated:
        logger.warning("Round %d: too few usable answers, the weights stay", this.number)
    losses = [site["loss"] for site in this.sites.values() if "loss" in site]
    psnr = [site["psnr"] for site in this.sites.values() if "psnr" in site]
    logger.info(
        "Round %d of %d: %d of %d sites, loss %s, %s",
        this.number,
        rounds,
        len(losses),
        this.asked,
        f"{sum(losses) / len(losses):.4f}" if losses else "-",
        f"{sum(psnr) / len(psnr):.2f} dB at the sites" if psnr else "not evaluated",
    )


def _require_some(rounds: list[Round]) -> None:
    if any(one.aggregated for one in rounds):
        return
    reasons = {f"{site}: {why}" for one in rounds for site, why in one.refused.items()}
    raise UserError(
        "quorum-not-met",
        f"in none of {len(rounds)} rounds enough sites gave usable answers; "
        + "; ".join(sorted(reasons)[:3]).strip(),
        "correct that, or ask for a smaller quorum",
    )


def _packed(weights: Weights) -> ArrayRecord:
    return ArrayRecord({name: Packed(tensor.cpu().numpy()) for name, tensor in weights.items()})


def _unpacked(arrays: ArrayRecord) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array.numpy().copy()) for name, array in arrays.items()}
