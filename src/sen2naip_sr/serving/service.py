"""The parts of a running server, which its routes share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from sen2naip_sr.serving.engine import Engine
from sen2naip_sr.serving.jobs.spool import Spool
from sen2naip_sr.serving.jobs.worker import Worker
from sen2naip_sr.serving.metrics import Metrics
from sen2naip_sr.serving.places import Places
from sen2naip_sr.serving.settings import ServeSettings


@dataclass(frozen=True)
class Service:
    """The parts of a running server.

    Attributes:
        settings: Its settings.
        engine: What upscales.
        metrics: What is counted.
        spool: The folder of scenes and results.
        worker: What does the jobs.
        requests: The places of scenes that somebody waits for.
        jobs: The places of jobs.
        at_end: Called when the server begins to end, while requests are still answered.
    """

    settings: ServeSettings
    engine: Engine
    metrics: Metrics
    spool: Spool
    worker: Worker
    requests: Places
    jobs: Places
    at_end: list[Callable[[], object]] = field(default_factory=list)

    @classmethod
    def of(cls, settings: ServeSettings) -> "Service":
        """Return the parts of a server that does not run yet.

        Raises:
            UserError: If the spool folder cannot be used, or another server uses it.
        """
        metrics = Metrics()
        spool = Spool(settings.spool)
        engine = Engine(settings, metrics)
        requests = Places(settings.max_waiting)
        jobs = Places(settings.max_jobs, spool.store.count_open)
        worker = Worker(spool, engine, settings.expiry, jobs.took)
        metrics.watch_queue("requests", lambda: requests.taken)
        metrics.watch_queue("jobs", spool.store.count_open)
        return cls(settings, engine, metrics, spool, worker, requests, jobs)

    @property
    def is_ready(self) -> bool:
        """Whether it takes scenes and upscales them."""
        return self.engine.is_ready and self.worker.is_alive

    def start(self) -> None:
        """Load the default model, and begin with the jobs."""
        self.engine.load()
        self.worker.start()

    def begin_to_end(self) -> None:
        """Stop the jobs at the next tile; requests are still answered. Called in the event loop."""
        self.worker.halt()
        for call in self.at_end:
            call()

    def close(self) -> None:
        """Stop at the next tile, and give the spool folder back."""
        self.worker.stop()
        self.engine.close()
        self.spool.close()


def service_of(request: Request) -> Service:
    """Return the parts of the server that answers a request."""
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
