"""The weighted sum of losses that training minimises."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sen2naip_sr.training.losses import Setting, build_loss
from sen2naip_sr.training.objective.adversarial_losses import Reduce, itself, widened
from sen2naip_sr.training.objective.balance import Balance, GradientNormBalance, UncertaintyBalance
from sen2naip_sr.training.parameters.losses import ADVERSARIAL, BalanceName


class TotalLoss(nn.Module):
    """A weighted sum of losses. Its state dict holds the adaptive weights and nothing else.

    The losses, their weights and how these adapt are parameters of the training. `Balance` and its
    kinds define what a weight means where weights adapt.

    Args:
        setting: Parameters of the training, and what the losses depend on besides.

    Raises:
        UserError: If a loss does not fit the bands, or the weights of VGG16 are not available.
        ValueError: If the loss ``consistency`` has no recipe.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        weights = setting.training.losses
        self.names = tuple(sorted(weights))
        self._losses = {n: build_loss(n, setting) for n in self.names if n != ADVERSARIAL}
        # registered, so that they move to the device of the training
        self.networks = nn.ModuleList(
            loss for loss in self._losses.values() if isinstance(loss, nn.Module)
        )
        shares = {name: weights[name] for name in self.names}
        self.balance = _balance(setting.training.balance, shares)

    def terms(self, prediction: Tensor, truth: Tensor, lr: Tensor) -> dict[str, Tensor]:
        """Return the unweighted losses, scalars, without ``adversarial``, which the caller adds.

        They are computed in float32 at least, under autocast too.

        Args:
            prediction: (B, C, 2h, 2w), of any float dtype, in [0, 1].
            truth: The same shape and range.
            lr: (B, C, h, w), the same range: the input of ``prediction``.

        Raises:
            UserError: If the images are too small for a loss.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            images = widened(prediction), widened(truth), widened(lr)
            return {name: loss(*images) for name, loss in self._losses.items()}

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum, a scalar, of the terms in any order.

        They are the result of `terms`, and ``adversarial`` if it is one of the losses (0 before the
        discriminator starts).

        Raises:
            ValueError: If a term is missing or not one of the losses.
        """
        total: Tensor = self.balance(self._in_order(terms))
        return total

    def rebalance(
        self,
        terms: Mapping[str, Tensor],
        shared: Tensor,
        scale: float = 1.0,
        over_ranks: Reduce = itself,
    ) -> None:
        """Adapt the weights of ``gradient_norm`` to a batch, before the backward pass.

        The graph of the terms stays intact. Other balances do nothing.

        Args:
            terms: As for `total`, but before the ramp of ``adversarial``, which balancing would
                undo.
            shared: The weight of the network's last layer, which all terms depend on.
            scale: A factor on the terms for their gradients, from the gradient scaler, so that
                they do not vanish in float16. It does not change the weights.
            over_ranks: Returns the mean of all ranks' gradients.

        Raises:
            ValueError: If a term is missing or not one of the losses.
        """
        self.balance.rebalance(self._in_order(terms), shared, scale, over_ranks)

    def current_weights(self) -> dict[str, float]:
        """Return the current weight of each term."""
        return dict(zip(self.names, self.balance.weights().tolist(), strict=True))

    def _in_order(self, terms: Mapping[str, Tensor]) -> list[Tensor]:
        if terms.keys() != set(self.names):
            raise ValueError(
                f"the terms are {', '.join(sorted(terms))}: expected {', '.join(self.names)}"
            )
        return [widened(terms[name]) for name in self.names]


def _balance(name: BalanceName, weights: Mapping[str, float]) -> Balance:
    shares = list(weights.values())
    if name == "uncertainty":
        return UncertaintyBalance(shares, [loss != ADVERSARIAL for loss in weights])
    return GradientNormBalance(shares) if name == "gradient_norm" else Balance(shares)
