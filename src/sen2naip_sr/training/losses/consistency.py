"""Agreement of the prediction with the image that it was made from."""

from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.errors import UserError

MARGIN = 2
"""LR pixels at a crop's border that the recipes compute from HR pixels beyond the crop."""


def consistency_loss(prediction: Tensor, lr: Tensor, recipe: Recipe) -> Tensor:
    """Return the mean absolute difference between the downscaled prediction and the LR image.

    What is random in the recipe is left out. `MARGIN` pixels at each border do not count: there
    even the truth's crop disagrees with the LR crop.

    Args:
        prediction: (B, C, 2h, 2w), float, in [0, 1].
        lr: (B, C, h, w), the same range.
        recipe: The recipe that made ``lr``.

    Returns:
        A scalar.

    Raises:
        UserError: If nothing is left between the margins.
    """
    height, width = lr.shape[-2:]
    if min(height, width) <= 2 * MARGIN:
        raise UserError(
            "crop-too-small",
            f"the loss 'consistency' leaves out {MARGIN} pixels at each border, and the crops are "
            f"{height} x {width} low-resolution pixels",
            f"choose crops of at least {2 * MARGIN + 1} LR pixels a side, or leave the loss out",
        )
    inner = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    return F.l1_loss(recipe.downscale(prediction, None)[inner], lr[inner])
