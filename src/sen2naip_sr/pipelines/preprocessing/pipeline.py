"""Wiring of preprocessing."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.preprocessing.nodes import plan_downscaling, split_chips


def create_pipeline() -> Pipeline:
    """Return the pipeline from HR chips to LR chips and splits."""
    return grouped(
        "preprocessing",
        [
            Node(plan_downscaling, ["hr", "params:preprocessing"], "lr", name="downscale"),
            Node(split_chips, ["hr", "params:preprocessing"], "splits", name="split"),
        ],
        tags="preprocessing",
    )
