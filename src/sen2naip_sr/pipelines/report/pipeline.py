"""The pipeline of the report."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.report.nodes import write_report


def create_pipeline() -> Pipeline:
    """Return the pipeline that writes the report."""
    return grouped(
        "report",
        [
            Node(
                write_report,
                ["tracked_runs", "report.folder", "params:report"],
                ["report", "report_page"],
                name="write_report",
            )
        ],
        tags="report",
    )
