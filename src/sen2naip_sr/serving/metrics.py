"""Prometheus metrics of a server."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from sen2naip_sr.upscaling.files import Upscaled

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        name = "sen2naip_sr"
        self._requests = Counter(
            f"{name}_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            f"{name}_request_seconds",
            "Seconds from a request's first byte to its answer's last.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._megapixels = Counter(
            f"{name}_megapixels",
            "Millions of pixels of results.",
            ["model"],
            registry=self.registry,
        )
        self._upscaling = Histogram(
            f"{name}_upscaling_seconds",
            "Seconds to upscale a scene, without waiting.",
            ["model"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._queue = Gauge(
            f"{name}_queue_length",
            "Scenes that wait or are being upscaled.",
            ["kind"],
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def upscaled(self, model: str, result: Upscaled, seconds: float) -> None:
        """Count a scene that was upscaled."""
        self._megapixels.labels(model).inc(1e-6 * result.width * result.height)
        self._upscaling.labels(model).observe(seconds)

    def watch_queue(self, kind: str, length: Callable[[], float]) -> None:
        """Take the length of a queue from a function, whenever metrics are asked for."""
        self._queue.labels(kind).set_function(length)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
