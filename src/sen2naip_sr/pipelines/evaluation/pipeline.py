"""Wiring of evaluation."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.evaluation import nodes
from sen2naip_sr.pipelines.grouping import grouped

BY_PLACE = ["by_place", "by_place_page", "by_place_figure"]
"""The table of methods by sensor and place: as data, page and figure."""
SCORE_TEST_SETS = Node(
    nodes.score_test_sets,
    ["test_set_networks", "params:evaluation"],
    "test_set_scores",
    name="score_test_sets",
)


def create_pipeline(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that scores interpolations, and the models that have weights."""
    chips = {"hr": "hr", "lr": "lr", "splits": "splits", "parameters": "params:evaluation"}
    weights = {model: f"{model}.weights" for model in models}
    return grouped(
        "evaluation",
        [
            Node(
                nodes.collect_methods,
                {**chips, **weights},
                ["methods", "test_set_networks"],
                name="collect_methods",
            ),
            Node(
                nodes.score_test_chips,
                ["methods", "hr", "lr", "splits", "params:evaluation"],
                ["scores", "perceptual"],
                name="score_test_chips",
            ),
            Node(
                nodes.compare,
                ["scores", "perceptual", "params:evaluation"],
                ["comparison", "places"],
                name="compare",
            ),
            Node(nodes.summarise, "comparison", "metrics", name="summarise"),
            Node(
                nodes.show_examples,
                ["methods", "scores", "comparison", "hr", "lr", "params:evaluation"],
                ["comparison_figure", "examples"],
                name="show_examples",
            ),
            Node(
                nodes.show_gallery,
                ["methods", "scores", "comparison", "hr", "lr", "params:evaluation"],
                "gallery",
                name="show_gallery",
            ),
            SCORE_TEST_SETS,
            Node(
                nodes.tabulate_places,
                ["test_set_scores", "scores", "hr", "params:evaluation"],
                BY_PLACE,
                name="tabulate_places",
            ),
        ],
        tags="evaluation",
    )


def create_test_sets(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that scores test sets only, and needs no ingestion."""
    return grouped(
        "evaluation",
        [
            Node(
                nodes.collect_networks,
                {"parameters": "params:evaluation", **{m: f"{m}.weights" for m in models}},
                "test_set_networks",
                name="collect_networks",
            ),
            SCORE_TEST_SETS,
            Node(
                nodes.tabulate_test_sets,
                ["test_set_scores", "params:evaluation"],
                BY_PLACE,
                name="tabulate_test_sets",
            ),
        ],
        tags="evaluation",
    )


def create_pairs(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that scores the same methods on real pairs; it needs no chips."""
    weights = {model: f"{model}.weights" for model in models}
    return grouped(
        "evaluation",
        [
            Node(
                nodes.score_real_pairs,
                {"parameters": "params:evaluation", **weights},
                ["pair_scores", "pairs", "pairs_figure"],
                name="score_real_pairs",
            )
        ],
        tags="evaluation",
    )
