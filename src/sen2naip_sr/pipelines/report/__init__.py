"""The report: a PDF and a page of HTML of what runs have left."""

from sen2naip_sr.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
