"""Parameters of training. Importing them imports no torch."""

from sen2naip_sr.training.parameters.training import NetworkParameters, TrainingParameters

__all__ = ["NetworkParameters", "TrainingParameters"]
