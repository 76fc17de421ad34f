"""Wiring of the comparison of tracked runs."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.comparison.nodes import (
    answer,
    collect_scores,
    compare_runs,
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
                answer,
                inputs=["compared_runs", "run_comparison", "compared_places", "params:comparing"],
                outputs="run_answer",
                name="answer",
            ),
        ],
        tags="comparison",
    )
