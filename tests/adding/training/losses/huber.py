"""A loss: the Huber loss.

Huber 1964, "Robust Estimation of a Location Parameter", https://doi.org/10.1214/aoms/1177703732.
"""

from torch.nn import functional as F

from sen2naip_sr.training.losses import pairwise

build = pairwise(F.huber_loss)
