"""The mean absolute difference of prediction and truth."""

from torch.nn import functional as F

from sen2naip_sr.training.losses import pairwise

build = pairwise(F.l1_loss)
