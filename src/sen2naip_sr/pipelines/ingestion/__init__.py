"""Ingestion: GeoTIFFs of a source become chips in a store."""

from sen2naip_sr.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
