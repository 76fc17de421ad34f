"""Rounds of a strategy: who is asked, what is checked, when nothing is aggregated."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from flwr.app import Array as Packed
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from pydantic import BaseModel, ConfigDict

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.checks import Reply, check_reply, refuse_long, site_of
from sen2naip_sr.federated.client import EXAMPLES
from sen2naip_sr.federated.parameters import FederationParameters

PATIENCE = 3600.0
"""Seconds that are waited for sites to connect, where no timeout is given."""


class Round(BaseModel):
    """A round, as it went.

    Attributes:
        number: From 1.
        aggregated: Whether the server's weights changed.
        asked: How many sites were asked.
        refused: Why a site's weights were not used, by its name.
        sites: What was measured at each site: loss, seconds, chips, norm (of its change), and
            psnr of the new weights on the chips that it holds out, dB.
        sent_megabytes: Weights that were sent to sites and back, without their envelopes.
        epsilon: Of the rounds so far; None: no noise is added.
        validation_psnr: Of the server's weights on chips of no site, dB; None: not scored.
    """

    model_config = ConfigDict(extra="forbid")

    number: int
    aggregated: bool = False
    asked: int = 0
    refused: dict[str, str] = {}
    sites: dict[str, dict[str, float]] = {}
    sent_megabytes: float = 0.0
    epsilon: float | None = None
    validation_psnr: float | None = None


class Rounds(Strategy):
    """Another strategy, with its rounds counted from where they stopped, checked and noted.

    Args:
        inner: The strategy.
        parameters: Quorum, limits and seeds.
        clients: The sites of a round.
        names: Names of nodes, as far as they are known.
        done: Rounds that were done before.
        seed: Draws the sites and the noise of a round, so that a round depends on its number alone;
            None: they are drawn from the system's entropy.
    """

    def __init__(  # noqa: PLR0913 - one a part
        self,
        inner: Strategy,
        parameters: FederationParameters,
        clients: int,
        *,
        names: Mapping[int, str],
        done: list[Round],
        seed: int | None,
    ) -> None:
        self.inner, self.rounds = inner, list(done)
        self._p, self._clients, self._seed = parameters, clients, seed
        self._names, self._offset = dict(names), len(done)
        self._sent: dict[str, Array] = {}
        self._nodes: list[int] = []

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Choose the sites of a round and make their messages."""
        number = server_round + self._offset
        self._wait(grid)
        self._sent = {name: array.numpy() for name, array in arrays.items()}
        with self._drawn(number):
            messages = list(self.inner.configure_train(number, arrays, config, grid))
        messages.sort(key=lambda message: message.metadata.dst_node_id)
        self._nodes = [int(message.metadata.dst_node_id) for message in messages]
        self.rounds.append(Round(number=number, asked=len(messages)))
        self._count(arrays, len(messages))
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Check the answers of a round, and aggregate those that can be used."""
        this = self.rounds[-1]
        found = [self._checked(reply) for reply in replies]
        silent = set(self._nodes) - {int(one.message.metadata.src_node_id) for one in found}
        found = refuse_long(found, self._p.largest_update)
        # sums of floats depend on their order, which over a network is that of arrival
        found.sort(key=lambda reply: reply.site)
        usable = [reply for reply in found if not reply.problem]
        this.refused = {reply.site: reply.problem for reply in found if reply.problem}
        for node in sorted(silent):
            this.refused[self._names.get(node, f"node {node}")] = "it did not answer in time"
        for reply in usable:
            this.sites[reply.site] = _measured(reply)
            self._count(next(iter(reply.message.content.array_records.values())), 1)
        if len(usable) < self._needed(this.asked):
            return None, None
        with self._drawn(this.number):
            arrays, metrics = self.inner.aggregate_train(
                this.number, [reply.message for reply in usable]
            )
        if arrays is None:
            return None, None
        this.aggregated = True
        return self._typed(arrays), metrics

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Ask all sites for an evaluation, in rounds that have one."""
        number = server_round + self._offset
        if number % self._p.evaluate_every and number != self._p.rounds:
            return []
        messages = list(self.inner.configure_evaluate(number, arrays, config, grid))
        self._count(arrays, len(messages))
        return messages

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """Note what sites have measured; a site that fails is left out."""
        for message in replies:
            site = site_of(message, self._names)
            if message.has_error():
                continue
            for record in message.content.metric_records.values():
                psnr = record.get("psnr")
                if isinstance(psnr, float):
                    self.rounds[-1].sites.setdefault(site, {})["psnr"] = psnr
        return None

    def summary(self) -> None:
        """Say nothing: parameters are recorded elsewhere."""

    def _checked(self, message: Message) -> Reply:
        """Check an answer, and remember what the site of its node calls itself."""
        site, node = site_of(message, self._names), int(message.metadata.src_node_id)
        if site in {self._names.get(other) for other in self._nodes if other != node}:
            site = f"{site} (node {node})"  # two sites may choose one name
        if message.has_content():
            self._names.setdefault(node, site)
        equal, privacy = self._p.weighting == "equal", self._p.privacy
        clip = privacy.clipping_norm if privacy else None
        return check_reply(message, self._sent, site, equal=equal, clip=clip)

    def _needed(self, asked: int) -> int:
        """Return how many answers a round needs."""
        # noise is measured out for the sites that were asked: with fewer it would be too little
        share = 1.0 if self._p.privacy else self._p.quorum
        return max(1, int(np.ceil(share * asked - 1e-9)))

    def _wait(self, grid: Grid) -> None:
        """Wait until enough sites are connected; Flower would wait for ever."""
        end = time.monotonic() + (self._p.timeout or PATIENCE)
        while (there := len(list(grid.get_node_ids()))) < self._clients:
            if time.monotonic() > end:
                raise UserError(
                    "sites-missing",
                    f"{there} of {self._clients} sites are connected",
                    "start the others, or ask for fewer a round",
                )
            time.sleep(1)

    def _count(self, arrays: ArrayRecord, copies: int) -> None:
        size = sum(len(array.data) for array in arrays.values())
        self.rounds[-1].sent_megabytes += copies * size / 1e6

    def _typed(self, arrays: ArrayRecord) -> ArrayRecord:
        """Return arrays in the dtypes that were sent, and in their order."""
        return ArrayRecord(
            {
                name: Packed(np.ascontiguousarray(arrays[name].numpy(), dtype=before.dtype))
                for name, before in self._sent.items()
            }
        )

    @contextmanager
    def _drawn(self, number: int) -> Iterator[None]:
        """Let what Flower draws, from generators that all share, depend on the round alone."""
        if self._seed is None:
            yield
            return
        before: Any = random.getstate(), np.random.get_state()  # noqa: NPY002 - Flower's generator
        random.seed(f"{self._seed} {number}")
        np.random.seed((self._seed * 1_000_003 + number) % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002


def _measured(reply: Reply) -> dict[str, float]:
    metrics = next(iter(reply.message.content.metric_records.values()))
    values = {
        name: float(value)
        for name, value in metrics.items()
        if name != EXAMPLES and isinstance(value, int | float)
    }
    return {**values, "norm": reply.norm}
