"""Wiring of the search for hyperparameters."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.experiments import tuning_nodes as nodes


def create_tuning(networks: Sequence[str]) -> Pipeline:
    """Return the pipeline: search, draw, compare the best trial on other places, answer.

    Args:
        networks: Networks whose parameters can be searched.
    """
    varied = {name: f"params:{name}" for name in networks}
    asked = {"parameters": "params:tune", "model": "params:model", "splits": "splits"}
    chips = {"hr": "hr", "lr": "lr", "evaluation": "params:evaluation", "folder": "tune.trainings"}
    compared = {"variations": "tune.variations", "parameters": "params:tune"}
    return Pipeline(
        [
            Node(
                nodes.search_hyperparameters,
                inputs={**asked, **chips, **varied},
                outputs=["tune.study", "tune.importance", "tune.best"],
                name="search_hyperparameters",
            ),
            Node(
                nodes.draw_search,
                inputs=["tune.study", "tune.importance", "params:tune"],
                outputs="tune.figure",
                name="draw_search",
            ),
            Node(
                nodes.plan_confirmation,
                inputs={**asked, "best": "tune.best", **varied},
                outputs="tune.variations",
                name="plan_confirmation",
            ),
            Node(
                nodes.run_confirmation,
                inputs={**chips, **compared},
                outputs="tune.outcomes",
                name="run_confirmation",
            ),
            Node(
                nodes.answer_search,
                inputs={
                    **compared,
                    "study": "tune.study",
                    "best": "tune.best",
                    "splits": "splits",
                    "outcomes": "tune.outcomes",
                    "evaluation": "params:evaluation",
                    "folder": "tune.trainings",
                },
                outputs="tune.answer",
                name="answer_search",
            ),
        ],
        tags=["experiment", "tune"],
    )
