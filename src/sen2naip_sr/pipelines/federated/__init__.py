"""Federated training over the sites of a chip store, compared with other trainings."""

from sen2naip_sr.pipelines.federated.pipeline import create_pipeline

__all__ = ["create_pipeline"]
