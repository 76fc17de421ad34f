"""Parameters of training, one file a subject. Importing them imports no torch."""

from sen2naip_sr.training.parameters.network import NetworkParameters
from sen2naip_sr.training.parameters.training import TrainingParameters

__all__ = ["NetworkParameters", "TrainingParameters"]
