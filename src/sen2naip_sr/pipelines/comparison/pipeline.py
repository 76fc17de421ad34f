"""Wiring of the comparison of tracked runs."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.comparison import nodes
from sen2naip_sr.pipelines.grouping import grouped


def create_pipeline() -> Pipeline:
    """Return the pipeline that compares tracked runs; it needs nothing but their scores."""
    return grouped(
        "comparison",
        [
            Node(
                nodes.collect_scores,
                ["params:runs", "params:comparing", "tracked_runs"],
                ["compared_runs", "compared_scores", "compared_parameters"],
                name="collect_scores",
            ),
            Node(
                nodes.compare_runs,
                ["compared_scores", "params:comparing"],
                ["run_comparison", "compared_places"],
                name="compare_runs",
            ),
            Node(
                nodes.show_differences,
                ["compared_scores", "run_comparison", "params:comparing"],
                "run_comparison_figure",
                name="show_differences",
            ),
            Node(
                nodes.describe,
                [
                    *("compared_runs", "run_comparison", "compared_places"),
                    *("compared_parameters", "params:comparing"),
                ],
                "run_findings",
                name="describe",
            ),
        ],
        tags="comparison",
    )
