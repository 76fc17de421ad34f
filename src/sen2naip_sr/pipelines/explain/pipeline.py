"""Wiring of explanations."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.explain import nodes
from sen2naip_sr.pipelines.grouping import grouped


def create_pipeline(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that explains networks on test chips."""
    weights = {model: f"{model}.weights" for model in models}
    inputs = {"hr": "hr", "lr": "lr", "splits": "splits", "parameters": "params:explain"}
    made = [f"explain.{part}" for part in ("table", "details", "findings", "figures", "metrics")]
    return grouped(
        "explain",
        [Node(nodes.explain, {**inputs, **weights}, made, name="explain_chips")],
        tags="explanation",
    )
