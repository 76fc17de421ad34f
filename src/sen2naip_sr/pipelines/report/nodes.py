"""Nodes of the report.

Heavy imports are inside the functions, because listing pipelines needs none of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.utils import find_kedro_project

from sen2naip_sr.report.parameters import ReportParameters

if TYPE_CHECKING:
    from sen2naip_sr.evaluation.runs.tracked import TrackedRuns
else:  # Kedro evaluates the type hints of nodes, which must not import pandas
    TrackedRuns = Any

ITEMS = "conf/base/report_items.yml"


def write_report(
    tracked: TrackedRuns, folder: Path, parameters: ReportParameters
) -> tuple[bytes, str]:
    """Return the report as a PDF and as HTML, of what earlier runs have left in the data's folder.

    Nothing is trained and nothing scored. What has not been made yet is named, with the command
    that makes it.
    """
    from sen2naip_sr.report.building import build_report
    from sen2naip_sr.report.sources import read_sources

    root = find_kedro_project(Path.cwd()) or Path.cwd()
    sources = read_sources(root, folder.parent, tracked.runs, parameters.experiments)
    report = build_report(sources, parameters, root / ITEMS)
    return report.pdf, report.html
