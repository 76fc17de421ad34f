"""What training minimises, by name."""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.training.parameters import LossName

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps prediction and truth, both (B, C, H, W) normalised to [0, 1], to a scalar."""

LOSSES: dict[LossName, Loss] = {"l1": F.l1_loss}
