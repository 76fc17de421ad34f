"""Adversarial training: the discriminator, its updates, and the loss of the generator."""

import math
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.discriminator import build_discriminator
from sen2naip_sr.training.objective.adversarial_losses import (
    LOSSES,
    Reduce,
    accuracy,
    gradient_penalty,
    itself,
    widened,
)
from sen2naip_sr.training.parameters.losses import AdversarialParameters
from sen2naip_sr.training.ranks import Ranks

SATURATED = 0.99
"""Above this accuracy a discriminator separates real from fake almost perfectly."""

_WEIGHTS, _PENALTY = 1, 2  # separate random streams
_REMEDY = (
    "lower the weight of the adversarial term or the discriminator's learning rate, or lengthen "
    "the ramp of that weight"
)


class Adversary:
    """A discriminator in training, and the loss that it gives the generator.

    Between its own updates the discriminator is frozen: gradients flow through it to the
    generator but not into its weights, and its power iteration pauses.

    Args:
        parameters: How to build and train it.
        bands: Image bands.
        fabric: The Fabric of the generator.
        seed: The seed of its weights and of the gradient penalty, any non-negative integer.
            torch's global random generator is not used.
        ranks: The processes, which have the same discriminator; None: there is one.
    """

    def __init__(
        self,
        parameters: AdversarialParameters,
        bands: int,
        fabric: Fabric,
        seed: int,
        ranks: Ranks | None = None,
    ) -> None:
        self._ranks = ranks or Ranks(fabric, fabric.world_size)
        self._parameters, self._fabric, self._seed = parameters, fabric, seed
        self._loss, self._generator_loss = LOSSES[parameters.loss]
        self._module = self._build(bands)
        optimizer = torch.optim.Adam(
            self._module.parameters(), parameters.learning_rate, parameters.betas
        )
        self._network, self._optimizer = fabric.setup(self._module, optimizer)
        self._network.eval().requires_grad_(False)
        self._last_loss = torch.zeros((), device=fabric.device)
        self._accuracies = torch.zeros(parameters.collapse_patience or 1, device=fabric.device)
        self._full_updates = 0
        self._reference_psnr = math.nan

    def active(self, step: int) -> bool:
        """Return whether this step of the generator, counted from 0, trains the discriminator."""
        return step >= self._parameters.start_step

    def weight(self, step: int) -> float:
        """Return the share of the adversarial term's weight at a step, in [0, 1]."""
        p = self._parameters
        if not self.active(step):
            return 0.0
        return min(1.0, (step - p.start_step) / p.ramp_steps) if p.ramp_steps else 1.0

    def generator_term(
        self, prediction: Tensor, truth: Tensor, over_ranks: Reduce = itself
    ) -> Tensor:
        """Return the loss of the generator, a float32 scalar.

        Both images are (B, C, H, W) in [0, 1]; the prediction has its graph. ``over_ranks`` returns
        the mean over all processes.
        """
        # the bare module: a wrapper for several processes would expect gradients of its weights
        with self._fabric.autocast():
            fake = self._module(prediction)
            with torch.no_grad():
                real = self._module(truth)
        return self._generator_loss(widened(real), widened(fake), over_ranks)

    def train_step(self, prediction: Tensor, truth: Tensor, step: int) -> dict[str, Tensor]:
        """Update the discriminator once, or ``discriminator_steps`` times.

        Args:
            prediction: (B, C, H, W) in [0, 1]; it gets no gradient.
            truth: Same shape.
            step: The generator's step, from 0; it seeds the gradient penalty.

        Returns:
            Scalars on the device, from the last update: ``discriminator_loss`` (with the penalty),
            ``real_score`` and ``fake_score`` (means), ``discriminator_accuracy`` in [0, 1],
            ``discriminator_gradient_l2`` (L2 norm) and, for ``wgan_gp`` only,
            ``gradient_penalty`` (unweighted). Empty before ``start_step``.
        """
        if not self.active(step):
            return {}
        figures: dict[str, Tensor] = {}
        self._network.train().requires_grad_(True)
        for update in range(self._parameters.discriminator_steps):
            figures = self._update(prediction.detach(), truth, (step, update))
        self._network.eval().requires_grad_(False)
        self._last_loss = figures["discriminator_loss"]
        if self.weight(step) == 1:
            slot = self._full_updates % len(self._accuracies)
            self._accuracies[slot] = figures["discriminator_accuracy"]
            self._full_updates += 1
        return figures

    def check(self, step: int, validation_psnr: float | None = None) -> None:
        """Stop a training that has collapsed.

        There are three signs of a collapse. The discriminator's loss is not finite. Its mean
        accuracy over the last ``collapse_patience`` steps at full weight is above `SATURATED` (not
        for ``wgan_gp``). Or the validation PSNR is ``collapse_drop_db`` below the reference, which
        is the last PSNR up to ``start_step``, or else the first.

        Args:
            step: Number of steps of the generator.
            validation_psnr: PSNR of the validation after this step, dB; None: there was none.

        Raises:
            UserError: If it has collapsed; it names the sign, the step and what to change.
        """
        if not torch.isfinite(self._last_loss):
            self._stop(step, f"the discriminator's loss is {self._last_loss.item():g}")
        if self._saturated():
            self._stop(
                step,
                f"the discriminator separated {100 * SATURATED:.0f} % of real from fake over the "
                f"last {self._parameters.collapse_patience} steps, so the generator learns nothing",
            )
        if validation_psnr is not None:
            self._check_psnr(step, validation_psnr)

    def state_dict(self) -> dict[str, Any]:
        """Return the state as plain data (its tensors are shared, not copied)."""
        return {
            "discriminator": self._module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "accuracies": self._accuracies,
            "full_updates": self._full_updates,
            "reference_psnr": self._reference_psnr,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, on any device, with the same parameters."""
        self._module.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._accuracies.copy_(state["accuracies"])
        self._full_updates = state["full_updates"]
        self._reference_psnr = state["reference_psnr"]

    def _build(self, bands: int) -> nn.Module:
        p = self._parameters
        # the generator's weights are drawn from the seed itself: these must be other numbers
        seed = int(np.random.SeedSequence([self._seed, _WEIGHTS]).generate_state(1)[0])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return build_discriminator(p.discriminator, bands, p.channels, p.loss != "wgan_gp")

    def _update(
        self, prediction: Tensor, truth: Tensor, moment: tuple[int, int]
    ) -> dict[str, Tensor]:
        self._optimizer.zero_grad()
        # in one pass, so that the same normalised weights score both
        real, fake = self._network(torch.cat([truth, prediction])).chunk(2)
        over_ranks = self._ranks.mean
        loss = self._loss(real, fake, over_ranks)
        figures = {}
        if self._parameters.loss == "wgan_gp":
            figures["gradient_penalty"] = self._penalty(prediction, truth, moment)
            loss = loss + self._parameters.gradient_penalty * figures["gradient_penalty"]
        self._fabric.backward(loss if self._ranks.alone else loss * self._ranks.share)
        # an infinite norm clips nothing, but unscales the gradient if needed and measures it
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=math.inf, error_if_nonfinite=False
        )
        assert norm is not None
        self._optimizer.step()
        figures |= {
            "discriminator_loss": loss,
            "real_score": real.mean(),
            "fake_score": fake.mean(),
            "discriminator_accuracy": accuracy(self._parameters.loss, real, fake, over_ranks),
            "discriminator_gradient_l2": norm,
        }
        return self._ranks.means({name: figure.detach() for name, figure in figures.items()})

    def _penalty(self, prediction: Tensor, truth: Tensor, moment: tuple[int, int]) -> Tensor:
        random = np.random.default_rng([self._seed, _PENALTY, *moment])
        drawn = random.random(self._ranks.whole(len(truth)), dtype=np.float32)
        share = torch.from_numpy(self._ranks.own(drawn)).to(truth)
        # the bare module computes in full precision, which second derivatives need
        return gradient_penalty(self._module, truth, prediction, share)

    def _saturated(self) -> bool:
        p = self._parameters
        if p.loss == "wgan_gp" or p.collapse_patience is None:
            return False
        full = self._full_updates >= p.collapse_patience
        return full and bool(self._accuracies.mean() > SATURATED)

    def _check_psnr(self, step: int, psnr: float) -> None:
        if math.isnan(self._reference_psnr) or step <= self._parameters.start_step:
            self._reference_psnr = psnr
        lowest = self._reference_psnr - self._parameters.collapse_drop_db
        if psnr <= lowest or math.isnan(psnr):
            self._stop(
                step,
                f"the validation PSNR fell to {psnr:.2f} dB from {self._reference_psnr:.2f} dB",
            )

    def _stop(self, step: int, sign: str) -> None:
        raise UserError(
            "training-collapsed",
            f"the adversarial training collapsed at step {step}: {sign}",
            _REMEDY,
        )
