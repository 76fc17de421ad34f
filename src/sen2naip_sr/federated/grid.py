"""Flower's grid within one process: sites train one after the other, in a fixed order.

Flower's own simulation needs Ray, takes half a minute to start and answers in any order; sums of
floats would then differ from run to run.
"""

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

FAILED, LATE = 1001, 1002
"""Codes of errors: a site's app raised, or answered too late."""


class LocalGrid(Grid):
    """Sites in this process.

    Args:
        app: The app of all sites; a node's number among them is its ``partition-id``.
        names: The names of the sites; the first is node 1.
    """

    def __init__(self, app: ClientApp, names: Sequence[str]) -> None:
        self.names = dict(enumerate(names, 1))
        self._app, self._numbers = app, itertools.count(1)
        # a message knows its sender from here; Flower has no public way to say it
        TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
        self._contexts = {
            node: Context(
                run_id=1,
                node_id=node,
                node_config={"partition-id": node - 1, "num-partitions": len(names)},
                state=RecordDict(),
                run_config={},
            )
            for node in self.names
        }

    def get_node_ids(self) -> Iterable[int]:
        """Return the numbers of the sites, in their order."""
        return list(self.names)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Let sites work on messages, in the order of their numbers, and return the answers.

        Each site has its own clock, as if all worked at once: an answer after ``timeout`` seconds
        is an error, and so is what a site raises.
        """
        ordered = sorted(messages, key=lambda message: message.metadata.dst_node_id)
        return [self._answer(message, timeout) for message in ordered]

    def _answer(self, message: Message, timeout: float | None) -> Message:
        message.metadata.__dict__["_message_id"] = str(next(self._numbers))
        start = time.perf_counter()
        try:
            answer = self._app(message, self._contexts[message.metadata.dst_node_id])
        except Exception as error:  # a site may fail in any way, and the others go on
            reason = f"{type(error).__name__}: {error}"
            return Message(Error(code=FAILED, reason=reason), reply_to=message)
        seconds = time.perf_counter() - start
        if timeout is not None and seconds > timeout:
            reason = f"its answer took {seconds:.1f} s, and {timeout:g} s are allowed"
            return Message(Error(code=LATE, reason=reason), reply_to=message)
        return answer

    def set_run(self, run: Any) -> None:
        """Do nothing: there is one run."""

    @property
    def run(self) -> NoReturn:
        """There is no run that Flower knows."""
        raise NotImplementedError

    def create_message(self, *_: Any, **__: Any) -> NoReturn:
        """Not needed by strategies."""
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> NoReturn:
        """Not needed by strategies."""
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> NoReturn:
        """Not needed by strategies."""
        raise NotImplementedError
