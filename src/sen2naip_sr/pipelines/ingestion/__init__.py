"""Ingestion: cuts the GeoTIFFs of a source into chips."""

from sen2naip_sr.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
