"""Wiring of ingestion."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.ingestion.nodes import list_rejected, plan_ingestion


def create_pipeline() -> Pipeline:
    """Return the pipeline from a source to a store of HR chips."""
    return grouped(
        "ingestion",
        [
            Node(plan_ingestion, "params:ingestion", "hr", name="ingest"),
            Node(list_rejected, "hr", "rejected", name="list_rejected"),
        ],
        tags="ingestion",
    )
