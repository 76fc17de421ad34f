"""Adversarial training: a discriminator, its updates, and the term that the generator minimises."""

import math
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.discriminator import build_discriminator
from sen2naip_sr.training.objective.adversarial_losses import LOSSES, accuracy, gradient_penalty
from sen2naip_sr.training.parameters.adversarial import AdversarialParameters

SATURATED = 0.99
"""Above this accuracy a discriminator tells real from fake almost perfectly."""

_WEIGHTS, _PENALTY = 1, 2  # what random numbers are for: keeps their streams apart
_REMEDY = (
    "lower the weight of the adversarial term or the discriminator's learning rate, or lengthen "
    "the ramp of that weight"
)


class Adversary:
    """A discriminator in training, and what it makes the generator do.

    Between its own updates the discriminator is frozen: gradients flow through it to the
    generator but not into its weights, and its power iteration rests.

    Args:
        parameters: How it is built and trained.
        bands: Image bands.
        fabric: Puts it on its device, in the precision of the generator.
        seed: Of its weights and of the gradient penalty, any non-negative integer. torch's global
            random numbers are left as they are.
    """

    def __init__(
        self, parameters: AdversarialParameters, bands: int, fabric: Fabric, seed: int
    ) -> None:
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
        """Return whether the discriminator is trained at this step of the generator, from 0."""
        return step >= self._parameters.start_step

    def weight(self, step: int) -> float:
        """Return the share of the adversarial term's weight at a step, in [0, 1]."""
        p = self._parameters
        if not self.active(step):
            return 0.0
        return min(1.0, (step - p.start_step) / p.ramp_steps) if p.ramp_steps else 1.0

    def generator_term(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """Return what the generator is to minimise, a float32 scalar.

        Args:
            prediction: (B, C, H, W) in [0, 1], with its graph.
            truth: Same shape.
        """
        # the bare module: a wrapper for several processes would wait for gradients of its weights
        with self._fabric.autocast():
            fake = self._module(prediction)
            with torch.no_grad():
                real = self._module(truth)
        return self._generator_loss(real.float(), fake.float())

    def train_step(self, prediction: Tensor, truth: Tensor, step: int) -> dict[str, Tensor]:
        """Update the discriminator once, or ``discriminator_steps`` times.

        Args:
            prediction: (B, C, H, W) in [0, 1]; no gradient flows into it.
            truth: Same shape.
            step: The generator's step, from 0; seeds the gradient penalty.

        Returns:
            Scalars on the device, of the last update: ``discriminator_loss`` (with the penalty),
            ``real_score`` and ``fake_score`` (means), ``discriminator_accuracy`` in [0, 1],
            ``discriminator_gradient_l2`` (its L2 norm) and, for ``wgan_gp`` alone,
            ``gradient_penalty`` (before its weight). Empty before ``start_step``.
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

        It has where the discriminator's loss is not finite; where, on average over the last
        ``collapse_patience`` steps at full weight, its accuracy was above `SATURATED` (not for
        ``wgan_gp``); or where the validation PSNR is ``collapse_drop_db`` below the reference,
        which is the last one given up to ``start_step``, or the first one given.

        Args:
            step: Steps that the generator has done.
            validation_psnr: What the validation after this step gave, dB; None: there was none.

        Raises:
            UserError: If it has collapsed; names the sign, the step and what to change.
        """
        if not torch.isfinite(self._last_loss):
            self._stop(step, f"the discriminator's loss is {self._last_loss.item():g}")
        if self._saturated():
            self._stop(
                step,
                f"the discriminator told {100 * SATURATED:.0f} % of real from fake over the last "
                f"{self._parameters.collapse_patience} steps, so the generator learns nothing",
            )
        if validation_psnr is not None:
            self._check_psnr(step, validation_psnr)

    def state_dict(self) -> dict[str, Any]:
        """Return all that changes, as plain data (its tensors are shared, not copied)."""
        return {
            "discriminator": self._module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "accuracies": self._accuracies,
            "full_updates": self._full_updates,
            "reference_psnr": self._reference_psnr,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, on any device, with the same parameters."""
        self._module.load_state_dict(state["discriminator"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._accuracies.copy_(state["accuracies"])
        self._full_updates = state["full_updates"]
        self._reference_psnr = state["reference_psnr"]

    def _build(self, bands: int) -> nn.Module:
        p = self._parameters
        # the generator's weights are drawn from the bare seed: these must not be the same numbers
        seed = int(np.random.SeedSequence([self._seed, _WEIGHTS]).generate_state(1)[0])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return build_discriminator(p.discriminator, bands, p.channels, p.loss != "wgan_gp")

    def _update(
        self, prediction: Tensor, truth: Tensor, moment: tuple[int, int]
    ) -> dict[str, Tensor]:
        self._optimizer.zero_grad()
        # in one pass, so that both are scored by the same normalised weights
        real, fake = self._network(torch.cat([truth, prediction])).chunk(2)
        loss = self._loss(real, fake)
        figures = {}
        if self._parameters.loss == "wgan_gp":
            figures["gradient_penalty"] = self._penalty(prediction, truth, moment)
            loss = loss + self._parameters.gradient_penalty * figures["gradient_penalty"]
        self._fabric.backward(loss)
        # an infinite norm clips nothing: the gradient is unscaled where need be, and measured
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=math.inf, error_if_nonfinite=False
        )
        assert norm is not None
        self._optimizer.step()
        figures |= {
            "discriminator_loss": loss,
            "real_score": real.mean(),
            "fake_score": fake.mean(),
            "discriminator_accuracy": accuracy(self._parameters.loss, real, fake),
            "discriminator_gradient_l2": norm,
        }
        return {name: figure.detach() for name, figure in figures.items()}

    def _penalty(self, prediction: Tensor, truth: Tensor, moment: tuple[int, int]) -> Tensor:
        random = np.random.default_rng([self._seed, _PENALTY, *moment])
        share = torch.from_numpy(random.random(len(truth), dtype=np.float32)).to(truth)
        # the bare module, and so in full precision: derivatives of derivatives need its digits
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
