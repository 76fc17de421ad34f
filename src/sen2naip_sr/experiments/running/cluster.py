"""Trainings of an experiment on the workers of a Dask scheduler.

The workers have this package, and see the project's folder under the same path. A task whose
worker dies is started again on another one, where it resumes from its checkpoint; so a death costs
the steps since then. A scheduler's port is not authenticated, unless Dask is configured with TLS.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Lock
from typing import Any, Self

from sen2naip_sr.cluster import connect
from sen2naip_sr.errors import UserError

logger = logging.getLogger(__name__)
_at_a_time = Lock()


class Cluster:
    """A runner of tasks on a Dask cluster.

    Args:
        address: The scheduler's.

    Attributes:
        size: How many workers there are.

    Raises:
        UserError: If there is no scheduler at the address, or it has no workers.
    """

    def __init__(self, address: str) -> None:
        self._client = connect(address)
        self.size = len(self._client.scheduler_info(n_workers=-1)["workers"])
        if self.size == 0:
            self._client.close()
            raise UserError(
                "scheduler-without-workers",
                f"the Dask scheduler at {address} has no workers",
                "start workers, or work without a scheduler",
            )
        logger.info("%d workers of %s", self.size, address)

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start a task, and return the future of its result.

        If several workers die of it, the future raises BrokenProcessPool.
        """
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        found = self._client.submit(_one_by_one, task, *map(_absolute, arguments), pure=False)

        def pass_on(ended: Any) -> None:
            from distributed import KilledWorker

            if ended.cancelled():
                future.set_exception(BrokenProcessPool("the scheduler is gone"))
            elif (error := ended.exception()) is None:
                future.set_result(ended.result())
            elif isinstance(error, KilledWorker):
                future.set_exception(BrokenProcessPool(str(error)))
            else:
                future.set_exception(error)

        found.add_done_callback(pass_on)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # tasks that nobody waits for any more are forgotten by the scheduler
        self._client.close()


def _absolute(argument: Any) -> Any:
    """Return a path as one that does not depend on the folder that a worker was started in."""
    return argument.absolute() if isinstance(argument, Path) else argument


def _one_by_one(task: Callable[..., Any], *arguments: Any) -> Any:
    """Run a task; a worker may have many threads, and trains one network at a time."""
    with _at_a_time:
        return task(*arguments)
