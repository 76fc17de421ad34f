"""Parameters of training, one subject a file. Imports no torch, so that start-up stays quick."""

from sen2naip_sr.training.parameters.training import LossName, TrainingParameters

__all__ = ["LossName", "TrainingParameters"]
