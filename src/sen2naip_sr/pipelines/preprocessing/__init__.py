"""Preprocessing: LR chips made by a named recipe, and splits."""

from sen2naip_sr.pipelines.preprocessing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
