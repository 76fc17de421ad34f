"""Wiring of the comparison of tracked runs."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.comparison.nodes import (
    collect_scores,
    compare_runs,
    describe,
    show_differences,
)


def create_pipeline() -> Pipeline:
    """Return the pipeline that compares tracked runs; it needs nothing but their scores."""
    return Pipeline(
        [
            Node(
                collect_scores,
                inputs=["params:runs", "params:comparing", "tracked_runs"],
                outputs=["compared_runs", "compared_scores"],
                name="collect_scores",
            ),
            Node(
                compare_runs,
                inputs=["compared_scores", "params:comparing"],
                outputs=["run_comparison", "compared_places"],
                name="compare_runs",
            ),
            Node(
                show_differences,
                inputs=["compared_scores", "run_comparison", "params:comparing"],
                outputs="run_comparison_figure",
                name="show_differences",
            ),
            Node(
                describe,
                inputs=["compared_runs", "run_comparison", "compared_places", "params:comparing"],
                outputs="run_findings",
                name="describe",
            ),
        ],
        tags="comparison",
    )
