"""Tracked runs with known scores, without any tracking."""

import pandas as pd
from constructed_scores import make_scores

from sen2naip_sr.evaluation.runs.tracked import TrackedRun, TrackedRuns

TAGS = {"data_hash": "d1", "recipe": "area@1", "split_hash": "s1", "data_source": "directory"}
CARN, LEAN = [31.0, 33.0, 38.0, 41.0], [31.5, 33.25, 38.5, 41.25]
BICUBIC = [29.0, 31.0, 36.0, 39.0]


def make_run(run_id, name="evaluate", *, started=0, finished=True, params=None, **tags):
    return TrackedRun(run_id, name, started, finished, {**TAGS, **tags}, params or {})


def make_tracked(runs):
    """Return tracked runs: ``runs`` maps each to scores, or to PSNR by method, or to None."""
    tables = {
        run.run_id: make_scores(psnr, trained=("carn", "lean")) if isinstance(psnr, dict) else psnr
        for run, psnr in runs
    }
    return TrackedRuns([run for run, _ in runs], lambda run: tables[run.run_id])


def make_shared(values, places=None, locations=None):
    """Return the common scores of labels: ``values`` maps each to a value a chip."""
    scores = make_scores(values, places, locations)
    columns = {"method": "label", "psnr": "value"}
    kept = ["label", "chip", "place", "location", "value"]
    return pd.DataFrame(scores.rename(columns=columns)[kept])
