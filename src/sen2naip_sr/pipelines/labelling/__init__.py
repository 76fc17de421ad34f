"""Labelling: which result looks better to a person."""

from sen2naip_sr.pipelines.labelling.pipeline import create_results, create_tasks

__all__ = ["create_results", "create_tasks"]
