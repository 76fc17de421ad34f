"""Agreement of the downscaled prediction with the LR image."""

from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.losses import Loss, Setting

MARGIN = 2
"""LR pixels at a crop's border that the recipes compute from HR pixels beyond the crop."""


def build(setting: Setting) -> Loss:
    """Return the loss `consistency_loss` of the setting's recipe.

    Raises:
        ValueError: If the recipe is unknown.
    """
    recipe = setting.recipe
    if recipe is None:
        raise ValueError("the loss 'consistency' needs the recipe that makes LR out of HR")

    def loss(prediction: Tensor, truth: Tensor, lr: Tensor) -> Tensor:
        return consistency_loss(prediction, lr, recipe)

    return loss


def consistency_loss(prediction: Tensor, lr: Tensor, recipe: Recipe) -> Tensor:
    """Return the mean absolute difference between the downscaled prediction and the LR image.

    The recipe's noise is left out. `MARGIN` LR pixels at each border do not count: there even the
    downscaled truth differs from the LR crop.

    Args:
        prediction: (B, C, 2h, 2w), float, in [0, 1].
        lr: (B, C, h, w), the same range.
        recipe: The recipe that made ``lr``.

    Raises:
        UserError: If nothing is left between the margins.
    """
    height, width = lr.shape[-2:]
    if min(height, width) <= 2 * MARGIN:
        raise UserError(
            "crop-too-small",
            f"the loss 'consistency' leaves out {MARGIN} pixels at each border, and the crops are "
            f"{height} x {width} low-resolution pixels",
            f"choose crops of at least {2 * MARGIN + 1} LR pixels a side, or leave out the loss",
        )
    inner = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    return F.l1_loss(recipe.downscale(prediction, None)[inner], lr[inner])
