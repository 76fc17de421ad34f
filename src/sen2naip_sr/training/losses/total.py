"""The weighted sum of losses that training minimises."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.degradation import Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.training.losses.balance import Balance, GradientNormBalance, UncertaintyBalance
from sen2naip_sr.training.losses.consistency import consistency_loss
from sen2naip_sr.training.losses.perceptual import PerceptualLoss
from sen2naip_sr.training.losses.pixelwise import charbonnier_loss, spectral_angle_loss
from sen2naip_sr.training.losses.similarity import ms_ssim_loss, ssim_loss
from sen2naip_sr.training.losses.texture import fourier_loss, gradient_loss
from sen2naip_sr.training.parameters.losses import BalanceName, LossName, PerceptualParameters

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps prediction and truth, both (B, C, H, W) in [0, 1], to a scalar."""

LOSSES: Mapping[LossName, Loss] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "charbonnier": charbonnier_loss,
    "ssim": ssim_loss,
    "ms_ssim": ms_ssim_loss,
    "fft": fourier_loss,
    "sam": spectral_angle_loss,
    "gradient": gradient_loss,
}
"""The losses that need nothing but prediction and truth."""


class TotalLoss(nn.Module):
    """A weighted sum of losses. Its state dict holds the adaptive weights and nothing else.

    Args:
        weights: The losses and their weights, positive; see `Balance` and its kinds for what they
            mean where weights adapt.
        bands: Bands of the images.
        recipe: The recipe that makes LR out of HR; needed for ``consistency`` alone.
        perceptual: How ``vgg16`` looks at images.
        balance: How the weights adapt while training.

    Raises:
        UserError: If a loss does not fit the bands, or VGG16's weights cannot be had.
        ValueError: If there are no weights, or ``consistency`` is asked for without a recipe.
    """

    def __init__(
        self,
        weights: Mapping[LossName, float],
        bands: int,
        *,
        recipe: Recipe | None,
        perceptual: PerceptualParameters,
        balance: BalanceName,
    ) -> None:
        super().__init__()
        _refuse_misfits(weights, bands, recipe)
        self.names: tuple[LossName, ...] = tuple(sorted(weights))
        self.recipe = recipe
        self.perceptual = PerceptualLoss(perceptual, bands) if "vgg16" in weights else None
        self.balance = _balance(balance, {name: weights[name] for name in self.names})

    def terms(self, prediction: Tensor, truth: Tensor, lr: Tensor) -> dict[LossName, Tensor]:
        """Return the unweighted losses, scalars, but for ``adversarial``, which is the caller's.

        They are computed in float32, under autocast too.

        Args:
            prediction: (B, C, 2h, 2w), of any float dtype, in [0, 1].
            truth: The same shape and range.
            lr: (B, C, h, w), the same range: what ``prediction`` was made from.

        Raises:
            UserError: If the images are too small for a loss.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            images = prediction.float(), truth.float(), lr.float()
            return {name: self._term(name, *images) for name in self.names if name != "adversarial"}

    def total(self, terms: Mapping[LossName, Tensor]) -> Tensor:
        """Return the weighted sum of the terms, a scalar, whatever their order.

        Args:
            terms: What `terms` returned, and ``adversarial`` where it is one of the losses (a zero
                while there is no discriminator yet).

        Raises:
            ValueError: If a term is missing or not one of the losses.
        """
        total: Tensor = self.balance(self._in_order(terms))
        return total

    def rebalance(
        self, terms: Mapping[LossName, Tensor], shared: Tensor, scale: float = 1.0
    ) -> None:
        """Adapt the weights of ``gradient_norm`` to a batch; call it before the backward pass.

        The graph of the terms is kept. With other balances this does nothing.

        Args:
            terms: As for `total`, but before any ramp of ``adversarial``, which would be undone.
            shared: The weight of the network's last layer, through which all terms pass.
            scale: What the terms are multiplied by before their gradients are taken: the gradient
                scaler's, so that they do not vanish in float16. It does not change the weights.

        Raises:
            ValueError: If a term is missing or not one of the losses.
        """
        self.balance.rebalance(self._in_order(terms), shared, scale)

    def current_weights(self) -> dict[LossName, float]:
        """Return what each term is multiplied by at present."""
        return dict(zip(self.names, self.balance.weights().tolist(), strict=True))

    def _term(self, name: LossName, prediction: Tensor, truth: Tensor, lr: Tensor) -> Tensor:
        if name == "consistency" and self.recipe:
            return consistency_loss(prediction, lr, self.recipe)
        if name == "vgg16" and self.perceptual:
            content: Tensor = self.perceptual(prediction, truth)
            return content
        return LOSSES[name](prediction, truth)

    def _in_order(self, terms: Mapping[LossName, Tensor]) -> list[Tensor]:
        if terms.keys() != set(self.names):
            raise ValueError(
                f"the terms are {', '.join(sorted(terms))}: expected {', '.join(self.names)}"
            )
        return [terms[name].float() for name in self.names]


def _balance(name: BalanceName, weights: Mapping[LossName, float]) -> Balance:
    shares = list(weights.values())
    if name == "uncertainty":
        return UncertaintyBalance(shares, [loss != "adversarial" for loss in weights])
    return GradientNormBalance(shares) if name == "gradient_norm" else Balance(shares)


def _refuse_misfits(weights: Mapping[LossName, float], bands: int, recipe: Recipe | None) -> None:
    if not weights:
        raise ValueError("there is no loss to sum")
    if "consistency" in weights and recipe is None:
        raise ValueError("the loss 'consistency' needs the recipe that makes LR out of HR")
    if "sam" in weights and bands < 2:
        raise UserError(
            "loss-needs-bands",
            "the loss 'sam' is the angle between spectra, and the images have one band",
            "leave the loss 'sam' out",
        )
