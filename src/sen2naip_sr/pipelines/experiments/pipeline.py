"""Wiring of the experiments."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.experiments import nodes

EXPERIMENTS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...]]] = {
    "cross_validate": (nodes.plan_folds, nodes.summarise_folds, ("figure",)),
    "compare_architectures": (nodes.plan_study, nodes.summarise_study, ("figure", "gallery")),
    "compare_losses": (nodes.plan_study, nodes.summarise_study, ("figure", "gallery")),
    "compare_optimizers": (nodes.plan_study, nodes.summarise_study, ("figure", "gallery")),
    "compare_schedules": (nodes.plan_study, nodes.summarise_study, ("figure", "gallery")),
    "overfit": (nodes.plan_overfitting, nodes.summarise_overfitting, ("animation",)),
    "intrinsic_dimension": (
        nodes.plan_subspaces,
        nodes.summarise_dimension,
        ("estimates", "figure"),
    ),
}
"""By name: what plans the trainings, what summarises them, and what that makes between the table
and the answer."""


def create_pipeline(experiment: str, networks: Sequence[str]) -> Pipeline:
    """Return an experiment's pipeline: plan, run, summarise.

    Args:
        experiment: A name in `EXPERIMENTS`; its parameters are ``params:<experiment>``.
        networks: Networks whose parameters can be varied.
    """
    plan, summarise, between = EXPERIMENTS[experiment]
    own = f"params:{experiment}"
    varied = {name: f"params:{name}" for name in networks}
    chips = {"hr": "hr", "lr": "lr", "evaluation": "params:evaluation"}
    planned = {**chips, "preprocessing": "params:preprocessing"}
    trained = {"variations": f"{experiment}.variations", "folder": f"{experiment}.trainings"}
    return Pipeline(
        [
            Node(
                plan,
                inputs={
                    "parameters": own,
                    "model": "params:model",
                    "splits": "splits",
                    **_asked(plan, planned),
                    **varied,
                },
                outputs=f"{experiment}.variations",
                name=f"plan_{experiment}",
            ),
            Node(
                update_wrapper(partial(nodes.run, experiment=experiment), nodes.run),
                inputs={**chips, **trained, "parameters": own},
                outputs=f"{experiment}.outcomes",
                name=f"run_{experiment}",
            ),
            Node(
                summarise,
                inputs={
                    **trained,
                    "outcomes": f"{experiment}.outcomes",
                    **_asked(summarise, {**chips, "parameters": own}),
                },
                outputs=[f"{experiment}.{made}" for made in ("table", *between, "answer")],
                name=f"summarise_{experiment}",
            ),
        ],
        tags=["experiment", experiment],
    )


def _asked(function: Callable[..., Any], inputs: dict[str, str]) -> dict[str, str]:
    """Return the inputs that a function names."""
    named = inspect.signature(function).parameters
    return {name: dataset for name, dataset in inputs.items() if name in named}
