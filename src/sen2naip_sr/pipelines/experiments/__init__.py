"""Experiments: variations of trainings, each a nested run, and the findings."""

from sen2naip_sr.pipelines.experiments.configured import find_comparisons
from sen2naip_sr.pipelines.experiments.pipeline import (
    EXPERIMENTS,
    create_comparison,
    create_pipeline,
    create_tuning,
)

__all__ = [
    "EXPERIMENTS",
    "create_comparison",
    "create_pipeline",
    "create_tuning",
    "find_comparisons",
]
