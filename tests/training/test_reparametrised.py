"""A network trained in a subspace leaves weights like any other."""

import pytest
import torch
from test_fit_subspace import Stopped, stop
from torch import nn

from sen2naip_sr.experiments.subspace import SubspaceNetwork, in_subspace
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.training import network as training_network
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.weights import load_weights, save_weights

