"""Wiring of evaluation."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.evaluation.nodes import (
    collect_methods,
    compare,
    score_test_chips,
    show_examples,
    show_gallery,
)


def create_pipeline(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that scores interpolations, and the models that have weights."""
    chips = {"hr": "hr", "lr": "lr", "splits": "splits", "parameters": "params:evaluation"}
    weights = {model: f"{model}.weights" for model in models}
    return Pipeline(
        [
            Node(
                collect_methods,
                inputs={**chips, **weights},
                outputs="methods",
                name="collect_methods",
            ),
            Node(
                score_test_chips,
                inputs=["methods", "hr", "lr", "splits", "params:evaluation"],
                outputs="scores",
                name="score_test_chips",
            ),
            Node(
                compare,
                inputs=["scores", "params:evaluation"],
                outputs=["comparison", "places", "comparison_metrics"],
                name="compare",
            ),
            Node(
                show_examples,
                inputs=["methods", "scores", "comparison", "hr", "lr", "params:evaluation"],
                outputs=["comparison_figure", "examples"],
                name="show_examples",
            ),
            Node(
                show_gallery,
                inputs=["methods", "scores", "comparison", "hr", "lr", "params:evaluation"],
                outputs="gallery",
                name="show_gallery",
            ),
        ],
        tags="evaluation",
    )
