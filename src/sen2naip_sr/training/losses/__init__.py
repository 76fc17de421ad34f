"""Losses, one a file and called as the file.

A new loss is a new file here that defines ``build``, which takes a `Setting` and returns a `Loss`.
A loss that needs the prediction and the truth alone is ``build = pairwise(function)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from torch import Tensor

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.training.parameters import TrainingParameters

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps prediction (B, C, 2h, 2w), truth (B, C, 2h, 2w) and LR (B, C, h, w), all float32 in [0, 1],
to a scalar. A module is moved to the device of the training."""


@dataclass(frozen=True)
class Setting:
    """What a loss can depend on: training, bands of the images, and LR's recipe if it is known."""

    training: TrainingParameters
    bands: int
    recipe: Recipe | None


def build_loss(name: str, setting: Setting) -> Loss:
    """Build the loss in the file ``name``.

    Raises:
        UserError: If the loss does not fit the setting.
    """
    loss: Loss = import_module(f"{__name__}.{name}").build(setting)
    return loss


def pairwise(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Setting], Loss]:
    """Return ``build`` for a loss that needs prediction and truth alone."""

    def build(setting: Setting) -> Loss:
        def loss(prediction: Tensor, truth: Tensor, lr: Tensor) -> Tensor:
            return function(prediction, truth)

        return loss

    return build
