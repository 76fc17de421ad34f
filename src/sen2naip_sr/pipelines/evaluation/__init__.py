"""Evaluation: scores, comparison and figures of every method on the test chips."""

from sen2naip_sr.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
