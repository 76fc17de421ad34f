"""Upscaling: scenes of any size with trained networks, and the calibration of their intervals."""

from sen2naip_sr.pipelines.upscaling.pipeline import create_calibration, create_pipeline

__all__ = ["create_calibration", "create_pipeline"]
