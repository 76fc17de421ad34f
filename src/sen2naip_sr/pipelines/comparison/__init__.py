"""Comparison: which of several tracked runs is better, and how sure that is."""

from sen2naip_sr.pipelines.comparison.pipeline import create_pipeline

__all__ = ["create_pipeline"]
