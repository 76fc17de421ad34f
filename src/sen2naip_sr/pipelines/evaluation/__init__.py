"""Evaluation: scores, comparison and figures of every method on the test chips."""

from sen2naip_sr.pipelines.evaluation.pipeline import create_pairs, create_pipeline

__all__ = ["create_pairs", "create_pipeline"]
