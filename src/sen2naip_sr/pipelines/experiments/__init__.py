"""Experiments: variations of one training, each a nested run, and the answer that they give."""

from sen2naip_sr.pipelines.experiments.pipeline import EXPERIMENTS, create_pipeline
from sen2naip_sr.pipelines.experiments.tuning_pipeline import create_tuning

__all__ = ["EXPERIMENTS", "create_pipeline", "create_tuning"]
