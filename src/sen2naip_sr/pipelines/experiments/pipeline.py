"""Wiring of the experiments."""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.experiments import nodes
from sen2naip_sr.pipelines.grouping import grouped

EXPERIMENTS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "cross_validate": (nodes.cross_validate, ("figure",)),
    "overfit": (nodes.overfit, ("animation",)),
    "intrinsic_dimension": (nodes.find_dimension, ("estimates", "figure")),
}
"""By name: the node, and what it makes beside a table and the findings."""


def create_pipeline(experiment: str, networks: Sequence[str]) -> Pipeline:
    """Return the pipeline of an experiment of `EXPERIMENTS`; its parameters have its name."""
    function, makes = EXPERIMENTS[experiment]
    return create_experiment(experiment, networks, function, makes)


def create_comparison(name: str, networks: Sequence[str]) -> Pipeline:
    """Return the pipeline of a comparison of variations with parameters ``params:<name>``."""
    return create_experiment(name, networks, nodes.compare_variations, ("figure", "gallery"))


def create_tuning(networks: Sequence[str]) -> Pipeline:
    """Return the pipeline of the search for hyperparameters of one of the networks."""
    given = {"parameters": "params:tune", "setting": "tune.setting"}
    return grouped(
        "tune",
        [
            _prepare("tune", networks),
            Node(
                _for("tune", nodes.search_hyperparameters),
                given,
                ["tune.study", "tune.importance", "tune.best", "tune.figure"],
                name="search_hyperparameters",
            ),
            Node(
                _for("tune", nodes.confirm_best),
                {**given, "study": "tune.study", "best": "tune.best"},
                "tune.findings",
                name="confirm_best",
            ),
        ],
        tags=["experiment", "tune"],
    )


def create_experiment(
    name: str, networks: Sequence[str], function: Callable[..., Any], makes: Sequence[str]
) -> Pipeline:
    """Return the pipeline of an experiment.

    Args:
        name: Its name, that of its parameters, and the beginning of its datasets' names.
        networks: All networks, whose parameters it gets.
        function: Its node's function; it takes parameters, setting and the experiment's name.
        makes: What it makes beside a table and the findings.
    """
    return grouped(
        name,
        [
            _prepare(name, networks),
            Node(
                _for(name, function),
                {"parameters": f"params:{name}", "setting": f"{name}.setting"},
                {made: f"{name}.{made}" for made in ("table", "findings", *makes)},
                name=f"run_{name}",
            ),
        ],
        tags=["experiment", name],
    )


def _prepare(name: str, networks: Sequence[str]) -> Node:
    given = ("model", "evaluation", "preprocessing", *networks)
    return Node(
        nodes.prepare,
        {
            **{data: data for data in ("hr", "lr", "splits")},
            "folder": f"{name}.trainings",
            **{parameter: f"params:{parameter}" for parameter in given},
        },
        f"{name}.setting",
        name=f"prepare_{name}",
    )


def _for(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a node's function that knows the experiment's name."""
    return update_wrapper(partial(function, experiment=name), function)
