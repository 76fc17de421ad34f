"""The catalogue of metrics: every ``METRIC`` of the modules of this package and of `perceptual`.

To add a metric, add a module here that defines ``METRIC``. Tables, figures, MLflow, experiments
and the comparison of runs take it from there.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from sen2naip_sr import metrics
from sen2naip_sr.metrics import perceptual
from sen2naip_sr.metrics.metric import Metric

_SUPPORT = ("catalogue", "full_reference", "metric", "perceptual", "sets", "views")
"""Modules of these packages that are no metrics."""


def _find_metrics() -> dict[str, Metric]:
    names = [
        f"{package.__name__}.{found.name}"
        for package in (metrics, perceptual)
        for found in iter_modules(package.__path__)
        if found.name not in _SUPPORT
    ]
    entries = [import_module(name).METRIC for name in names]
    return {entry.key: entry for entry in sorted(entries, key=lambda entry: entry.position)}


METRICS: Mapping[str, Metric] = _find_metrics()
"""Every metric by its key, in the order of the columns."""
OPTIONAL = tuple(key for key, metric in METRICS.items() if metric.optional)
"""Keys of the metrics that are computed only if they are asked for: of chips and of sets."""
COMPUTED = tuple(key for key, m in METRICS.items() if m.computed and not m.optional)
"""Keys of the metrics that are always computed from a prediction and its truth."""
TRACKED = tuple(key for key, m in METRICS.items() if m.tracked and not m.optional)
"""Keys of the metrics whose means are compared and tracked."""
QUICK = tuple(key for key in COMPUTED if not METRICS[key].costly)
"""Keys of the metrics that experiments compute."""
OVERVIEW = tuple(key for key, metric in METRICS.items() if metric.overview)
"""Keys of the few metrics that show what a loss trades for what."""


def trackable(name: str) -> str:
    """Return a metric's name as MLflow takes it: letters, digits and ``_-. /`` only."""
    return re.sub(r"[^\w\-. /]", "_", name)
