"""A training step by step."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.batches import Batches, listed
from sen2naip_sr.training.checkpoint import Checkpoint, TrainingState
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.dynamics import NoiseScale, snapshot, step_dynamics
from sen2naip_sr.training.gradient import Gradient
from sen2naip_sr.training.holding.sharded import hold
from sen2naip_sr.training.holding.shards import whole
from sen2naip_sr.training.memory import enough_memory
from sen2naip_sr.training.objective.objective import Crops, Objective
from sen2naip_sr.training.optimization.batch_growth import BatchGrowth
from sen2naip_sr.training.optimization.local_steps import LocalSteps
from sen2naip_sr.training.optimization.schedule import learning_rate_factor
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.ranks import Ranks
from sen2naip_sr.training.validation import Validator


class Trainer:
    """Trains a network step by step.

    `sen2naip_sr.training.fit.fit` is a loop around it. Other loops can take steps, read and
    replace the network's weights in between, and count the crops that were used.

    In a training of several processes every rank makes its own trainer, with the same arguments
    but its own ``fabric``, and calls the same methods.

    Args:
        model: The network, trained in place.
        data: Chips and their split.
        parameters: How to train.
        fabric: The device, the precision and the processes; see `sen2naip_sr.training.launch`.

    Attributes:
        parameters: How to train.
        state: All that changes in the course of the training.

    Raises:
        UserError: If data, losses or optimiser do not fit.
    """

    def __init__(
        self, model: nn.Module, data: TrainingData, parameters: TrainingParameters, fabric: Fabric
    ) -> None:
        p = self.parameters = parameters
        self._fabric = fabric
        self._ranks = Ranks(fabric, p.batch_size)
        self._batches = Batches(model, data, p, fabric)
        self._validator = Validator(
            data.hr,
            data.lr,
            data.validation,
            data.value_range,
            p.validation_chips,
            data.scored,
            self._ranks,
        )
        model.train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if p.precision == "64-true":
            model.double()
        self._objective = Objective(p, data, fabric, self._ranks)
        held = self._held = hold(model, p, fabric, self._objective.parameters)
        self._network, self._ema, self._optimizer = held.network, held.ema, held.optimizer
        self._weights = list(model.parameters())
        self._gradient = Gradient(
            self._network, self._weights, self._objective, fabric, self._ranks
        )
        self._local = LocalSteps(p.distributed.averaging, self._ranks)
        self._growth = BatchGrowth(p.batch_growth, p.batch_size)
        self._noise = NoiseScale()
        self.state = TrainingState(
            {
                **held.parts,
                "precision": fabric.strategy.precision,
                "batch_growth": self._growth,
                "noise_scale": self._noise,
                **self._objective.parts,
            }
        )

    @property
    def crops_seen(self) -> int:
        """Crops that the steps so far were computed from, on all ranks together."""
        return self._growth.drawn * self.parameters.batch_size

    def get_weights(self) -> dict[str, Tensor]:
        """Return copies of the network's weights and buffers by name, on the CPU.

        These are the raw weights that the optimiser changes, not their average.
        """
        return self._held.get_weights()

    def set_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Replace the network's weights and buffers.

        The state of the optimiser and the averaged weights stay as they are.

        Args:
            weights: As from `get_weights`, on any device.

        Raises:
            RuntimeError: If a name or a shape differs from the network's.
        """
        self._held.set_weights(weights)

    def synchronise(self) -> None:
        """Make all ranks hold the same weights, where steps are local; else they do anyway."""
        networks = (self._held.model, self._ema.module, self._objective.balance)
        self._local.average(self.state.step, iter(networks), self._optimizer)

    def checkpoint(self, fingerprint: Mapping[str, Any], elapsed: float) -> Checkpoint:
        """Return the state of the training, which every rank asks for and any number can resume.

        Where each rank holds a part of the network, rank zero's is whole and the others' are not.

        Args:
            fingerprint: What the result depends on.
            elapsed: Seconds spent so far.
        """
        self.synchronise()
        found = self.state.checkpoint(fingerprint, elapsed)
        columns = torch.tensor(list(found["losses"].values()), dtype=torch.float64)
        means = (self._ranks.add(columns) / self._ranks.count).tolist()
        losses = dict(zip(found["losses"], means, strict=True))
        return {**found, "losses": losses, "processes": self._ranks.count}

    def take_steps(self, count: int) -> list[dict[str, float]]:
        """Take steps without validating, and add what was measured to the history.

        Args:
            count: The number of steps. The schedule of the learning rate follows the share of
                ``parameters.steps`` that is done.

        Returns:
            The new entries of the history, with ``step`` and what was measured at that step.

        Raises:
            UserError: See `train_step`.
            ValueError: If the length of the training is not given in steps.
        """
        total = self.parameters.steps
        if total is None:
            raise ValueError("the length of the training has to be given in steps")
        entries = len(self.state.history)
        for _ in range(count):
            if metrics := self.train_step(min(1.0, self.state.step / total)):
                self.state.record(metrics)
        return self.state.history[entries:]

    def train_step(self, progress: float) -> dict[str, float]:
        """Take one step, and return what was measured every ``log_every`` steps.

        ``progress`` is the share of the training that is done, in [0, 1].

        Raises:
            UserError: If the loss or the gradient is not finite, the memory does not suffice, or an
                adversarial training has collapsed.
        """
        with enough_memory(self.parameters):
            return self._train_step(progress)

    def _train_step(self, progress: float) -> dict[str, float]:
        p, state = self.parameters, self.state
        rate = self._set_learning_rate(progress)
        observed = (state.step + 1) % p.log_every == 0
        self._optimizer.zero_grad()
        divided = observed and self._growth.size > 1
        halved = divided and self._ranks.alone
        crops = self._crops(pieces=max(p.distributed.accumulation, 2 if halved else 1))
        predictions, losses, gradients = self._gradient.compute(
            crops, state.step, measured=divided, exchanged=not self._local.local(state.step)
        )
        state.log_losses(losses)
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=p.clip_norm, error_if_nonfinite=False
        )
        assert norm is not None
        norm = whole(norm)
        self._refuse_non_finite(norm)
        before = snapshot(self._weights) if observed else []
        self._optimizer.step()
        self._ema.update_parameters(self._held.model)
        adversary = self._objective.update(predictions, crops, state.step)
        state.step += 1
        if self._local.due(state.step):
            self.synchronise()
        if gradients:
            self._noise.observe(*gradients.squares(float(norm)))
        self._growth.advance(state.step, self._noise.samples)
        if not observed:
            return {}
        averages = list(self._ema.module.parameters())
        return {
            **self._over_ranks(state.mean_losses()),
            **self._objective.weights(),
            **{name: float(figure) for name, figure in adversary.items()},
            "learning_rate": rate,
            **step_dynamics(self._weights, before, norm, p.clip_norm, averages),
            **self._noise.figures(),
            **({"batch_size": self._growth.size} if p.batch_growth.largest > 1 else {}),
        }

    def validate(self, observe: Callable[[nn.Module, int], None] | None = None) -> float:
        """Score the averaged weights, and keep them if they are the best so far.

        Every rank scores its part of the chips, and all get the mean.

        Args:
            observe: Called with the averaged network and the step.

        Returns:
            Mean PSNR of the validation chips, dB.

        Raises:
            UserError: If an untrained network's PSNR is not a number, or an adversarial training
                has collapsed.
        """
        self.synchronise()
        state, network = self.state, self._held.averages()
        psnr = self._validator(network, self._fabric.device)
        if math.isnan(psnr) and not state.best["state"]:
            raise UserError(
                "score-not-finite",
                "the validation PSNR of the untrained network is not a number: "
                f"chips {listed(self._validator.chips)} hold invalid values",
                "leave chips with invalid pixels out of the data",
            )
        self._objective.check(state.step, psnr)
        state.keep(psnr, network, only_if_best=self.parameters.keep == "best")
        if observe:
            observe(network, state.step)
        return psnr

    def _set_learning_rate(self, progress: float) -> float:
        p, state = self.parameters, self.state
        factor = learning_rate_factor(state.step, progress, p.schedule, state.validations)
        for group in self._optimizer.param_groups:
            group["lr"] = p.learning_rate * factor
        return p.learning_rate * factor

    def _crops(self, pieces: int) -> list[Crops]:
        """Return this rank's crops of the step, each batch in so many pieces if it can be."""
        batches = [self._batches.crops(number) for number in self._growth.numbers]
        return [part for batch in batches for part in batch.chunk(pieces)]

    def _over_ranks(self, losses: dict[str, float]) -> dict[str, float]:
        """Return the means of all ranks' losses, which they have weighted by their crops."""
        if self._ranks.alone or not losses:
            return losses
        mine = torch.tensor(list(losses.values()), dtype=torch.float64)
        means = self._ranks.add(mine) / self._ranks.count
        return dict(zip(losses, means.tolist(), strict=True))

    def _refuse_non_finite(self, norm: Tensor) -> None:
        loss = self.state.losses["loss"][-1]
        # a gradient scaler detects gradients out of range itself and skips such steps
        scaled = getattr(self._fabric.strategy.precision, "scaler", None) is not None
        if math.isfinite(loss) and (scaled or math.isfinite(norm)):
            return
        origin = self._batches.origin(self._growth.numbers)
        raise UserError(
            "loss-not-finite",
            f"training stopped at step {self.state.step + 1}: the loss is {loss:g}, the "
            f"gradient's norm {float(norm):g} (batch from {origin})",
            "look for invalid pixels in these chips, or lower the learning rate",
        )
