"""Training: one network's weights from LR and HR chips."""

from sen2naip_sr.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
