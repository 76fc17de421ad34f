"""Wiring of upscaling, and of the calibration of its intervals."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.upscaling.nodes import calibrate_intervals, upscale_scenes


def create_pipeline(models: Sequence[str]) -> Pipeline:
    """Return the pipeline that upscales scenes with one of the models."""
    weights = {model: f"{model}.weights" for model in models}
    return grouped(
        "upscaling",
        [
            Node(
                upscale_scenes,
                {"parameters": "params:upscaling", **weights},
                ["upscaled", "upscaling_metrics"],
                name="upscale_scenes",
            )
        ],
        tags="upscaling",
    )


def create_calibration(model: str) -> Pipeline:
    """Return the pipeline that calibrates a network's intervals on the validation chips."""
    return grouped(
        "calibration",
        [
            Node(
                calibrate_intervals,
                ["hr", "splits", f"{model}.weights"],
                f"{model}.calibration",
                name=f"calibrate_{model}",
            )
        ],
        tags="calibration",
    )
