"""Evaluation: scores, comparison and figures of every method on test chips and test sets."""

from sen2naip_sr.pipelines.evaluation.pipeline import (
    create_pairs,
    create_pipeline,
    create_test_sets,
)

__all__ = ["create_pairs", "create_pipeline", "create_test_sets"]
