"""Explanations of networks on test chips."""

from sen2naip_sr.pipelines.explain.pipeline import create_pipeline

__all__ = ["create_pipeline"]
