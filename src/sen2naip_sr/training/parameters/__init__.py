"""Parameters of training, one subject a file. Imports no torch, so that start-up stays quick."""

from sen2naip_sr.training.parameters.network import NetworkParameters
from sen2naip_sr.training.parameters.training import TrainingParameters

__all__ = ["NetworkParameters", "TrainingParameters"]
