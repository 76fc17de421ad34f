"""What Kedro-Viz' own hooks do not find out about a run: statistics of stores, weights, figures.

Kedro-Viz counts the rows of tables only, forgets what an earlier run counted, and takes the size of
a folder for that of its files. Its files are completed after it has written them.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline

logger = logging.getLogger(__name__)

Statistics = dict[str, dict[str, int]]
"""By dataset: ``rows``, ``columns`` and ``file_size`` in bytes; the page shows no others."""

STATISTICS = "stats.json"
EVENTS = "kedro_pipeline_events.json"


class VizHooks:
    """Completes the statistics of Kedro-Viz after every run."""

    def __init__(self) -> None:
        self._folder = Path(".viz")
        self._before: Statistics = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Remember the statistics of earlier runs, which Kedro-Viz replaces."""
        self._folder = Path(run_params["project_path"]) / ".viz"
        self._before = _read(self._folder / STATISTICS, {})

    @hook_impl(trylast=True)
    def after_pipeline_run(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """Complete what Kedro-Viz has written, where it may write."""
        try:
            self._complete(pipeline, catalog)
        except (OSError, UserError) as error:
            # as Kedro-Viz does: a run does not fail at its end for its statistics
            logger.warning("No statistics for Kedro-Viz: %s", error)

    def _complete(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        found = statistics(pipeline.datasets(), catalog)
        known = {**self._before, **_read(self._folder / STATISTICS, {})}
        names = known.keys() | found.keys()
        merged = {name: known.get(name, {}) | found.get(name, {}) for name in sorted(names)}
        write_atomically(self._folder / STATISTICS, json.dumps(merged).encode())

        events = _read(self._folder / EVENTS, [])
        for event in events:
            if size := found.get(event.get("dataset"), {}).get("file_size"):
                event["size"] = size
        if events:
            write_atomically(self._folder / EVENTS, json.dumps(events, indent=2).encode())


def statistics(names: set[str], catalog: "DataCatalog") -> Statistics:
    """Return the statistics of those datasets that lie on disk."""
    # the datasets import rasterio, which commands that run nothing save
    from sen2naip_sr.datasets.file_dataset import FileDataset, bytes_below

    found = {}
    for name in names:
        dataset = None if name.startswith("params:") else catalog.get(name)
        if isinstance(dataset, FileDataset):
            found[name] = dataset.statistics()
        elif path := getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None):
            size = bytes_below(Path(str(path)))
            found[name] = {"file_size": size} if size else {}
    return {name: known for name, known in found.items() if known}


def _read(path: Path, default: Any) -> Any:
    """Return what a JSON file of the default's type holds; the default if it holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default
    return content if isinstance(content, type(default)) else default
