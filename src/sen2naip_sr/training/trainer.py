"""The parts of a training, set up for its device, and what happens in one step."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch._functorch import config as functorch_config
from torch.optim.swa_utils import AveragedModel

from sen2naip_sr.arrays import Array
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.predict import normalised
from sen2naip_sr.training.checkpoint import TrainingState
from sen2naip_sr.training.crops.sampler import CropSampler, TrainingData
from sen2naip_sr.training.device import make_fabric
from sen2naip_sr.training.dynamics import NoiseScale, PartGradients, snapshot, step_dynamics
from sen2naip_sr.training.objective.objective import Crops, Objective
from sen2naip_sr.training.optimization.batch_growth import BatchGrowth
from sen2naip_sr.training.optimization.optimizers import build_optimizer
from sen2naip_sr.training.optimization.schedule import ema_decay, learning_rate_factor
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.validation import Validator

Tensors = list[Tensor] | tuple[Tensor, ...]


class Trainer:
    """Trains a network step by step.

    Args:
        model: The network; trained in place.
        data: Chips and their split.
        parameters: How to train.

    Raises:
        UserError: If data, device, losses or optimiser do not fit.
    """

    def __init__(
        self, model: nn.Module, data: TrainingData, parameters: TrainingParameters
    ) -> None:
        p = self.parameters = parameters
        self._range = data.value_range
        self._sampler = CropSampler(
            data, p.crop_size, p.batch_size, p.seed, p.augmentation, p.detail
        )
        self._validator = Validator(
            data.hr, data.lr, data.validation, data.value_range, p.validation_chips
        )
        fabric = self._fabric = make_fabric(p.accelerator, p.precision)
        self._model = model = model.train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._weights = list(model.parameters())
        # a network may have vectors only, such as the coordinates of a subspace
        matrices = [weight for weight in self._weights if weight.ndim > 1]
        self._last_layer = (matrices or self._weights)[-1]
        self._ema = AveragedModel(model, fabric.device, multi_avg_fn=_ema_update(p.ema_decay))
        self._objective = Objective(p, data, fabric)
        optimizer = build_optimizer(
            model, p.learning_rate, p.optimizer, fabric.device, self._objective.parameters
        )
        network = _compiled(model, p) if p.compile else model
        self._network, self._optimizer = fabric.setup(network, optimizer)
        self._growth = BatchGrowth(p.batch_growth, p.batch_size)
        self._noise = NoiseScale()
        self.state = TrainingState(
            {
                "model": model,
                "ema": self._ema,
                "optimizer": self._optimizer,
                "precision": fabric.strategy.precision,
                "batch_growth": self._growth,
                "noise_scale": self._noise,
                **self._objective.parts,
            }
        )

    def train_step(self, progress: float) -> dict[str, float]:
        """Take one step; every ``log_every`` steps, return what was measured.

        Args:
            progress: Share of the training that is done, in [0, 1].

        Raises:
            UserError: If the loss or the gradient is not finite, or the memory does not suffice.
        """
        with _enough_memory(self.parameters):
            return self._train_step(progress)

    def _train_step(self, progress: float) -> dict[str, float]:
        p, state = self.parameters, self.state
        rate = self._set_learning_rate(progress)
        observed = (state.step + 1) % p.log_every == 0
        self._optimizer.zero_grad()
        divided = observed and self._growth.size > 1
        gradients = PartGradients(self._weights, self._growth.size) if divided else None
        crops = self._crops(pieces=2 if divided else 1)
        predictions = self._backward(crops, gradients)
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=p.clip_norm, error_if_nonfinite=False
        )
        assert norm is not None
        self._refuse_non_finite(norm)
        before = snapshot(self._weights) if observed else []
        self._optimizer.step()
        self._ema.update_parameters(self._model)
        adversary = self._objective.update(predictions, crops, state.step)
        state.step += 1
        if gradients:
            self._noise.observe(*gradients.squares(float(norm)))
        self._growth.advance(state.step, self._noise.samples)
        if not observed:
            return {}
        averages = list(self._ema.module.parameters())
        return {
            **state.mean_losses(),
            **self._objective.weights(),
            **{name: float(figure) for name, figure in adversary.items()},
            "learning_rate": rate,
            **step_dynamics(self._weights, before, norm, p.clip_norm, averages),
            **self._noise.figures(),
            **({"batch_size": self._growth.size} if p.batch_growth.largest > 1 else {}),
        }

    def validate(self, observe: Callable[[nn.Module, int], None] | None = None) -> float:
        """Score the averaged weights, and keep them if they are the best so far.

        Args:
            observe: Called with the averaged network and the step.

        Returns:
            Mean PSNR of the validation chips, dB.

        Raises:
            UserError: If an untrained network's PSNR is not a number, or an adversarial training
                has collapsed.
        """
        state, network = self.state, self._ema.module
        psnr = self._validator(network, self._fabric.device)
        if math.isnan(psnr) and not state.best["state"]:
            raise UserError(
                "score-not-finite",
                "the validation PSNR of the untrained network is not a number: "
                f"chips {_listed(self._validator.chips)} hold values that are none",
                "leave chips with invalid pixels out of the data",
            )
        self._objective.check(state.step, psnr)
        state.keep(psnr, network, only_if_best=self.parameters.keep == "best")
        if observe:
            observe(network, state.step)
        return psnr

    @property
    def status(self) -> str:
        """Loss and PSNR in a few words."""
        loss = next((e["loss"] for e in reversed(self.state.history) if "loss" in e), math.nan)
        return f"loss {loss:.4f}  kept {self.state.best['psnr']:.2f} dB"

    def _set_learning_rate(self, progress: float) -> float:
        p, state = self.parameters, self.state
        factor = learning_rate_factor(state.step, progress, p.schedule, state.validations)
        for group in self._optimizer.param_groups:
            group["lr"] = p.learning_rate * factor
        return p.learning_rate * factor

    def _crops(self, pieces: int) -> list[Crops]:
        """Return the crops of the step, each batch in so many pieces if it has so many crops."""
        detail = self.parameters.detail
        crops: list[Crops] = []
        for number in self._growth.numbers:
            batch = [
                normalised(array, self._range, self._fabric.device)
                for array in self._sampler.batch(number)
            ]
            if detail and detail.weighted:
                batch.append(torch.from_numpy(self._sampler.weights(number)).to(batch[0].device))
            pieced = zip(*(tensor.chunk(pieces) for tensor in batch), strict=True)
            crops.extend(Crops(*tensors) for tensors in pieced)
        return crops

    def _backward(self, crops: list[Crops], gradients: PartGradients | None) -> list[Tensor]:
        """Compute the gradient of the step, note its losses, and return what was predicted."""
        losses: dict[str, float] = {}
        predictions: list[Tensor] = []
        for part in crops:
            share = len(part.lr) / self._growth.size
            prediction = self._network(part.lr)
            shared = None if predictions else self._last_layer
            total, terms = self._objective(prediction, part, self.state.step, shared)
            self._fabric.backward(total * share)
            if gradients:
                gradients.add(len(part.lr))
            for name, value in terms.items():
                losses[name] = losses.get(name, 0.0) + share * value
            predictions.append(prediction.detach())
        self.state.log_losses(losses)
        return predictions

    def _refuse_non_finite(self, norm: Tensor) -> None:
        loss = self.state.losses["loss"][-1]
        # a gradient scaler looks for gradients out of range itself and leaves such steps out
        scaled = getattr(self._fabric.strategy.precision, "scaler", None) is not None
        if math.isfinite(loss) and (scaled or math.isfinite(norm)):
            return
        chips = [self._sampler.chips(number) for number in self._growth.numbers]
        raise UserError(
            "loss-not-finite",
            f"training stopped at step {self.state.step + 1}: the loss is {loss:g}, the "
            f"gradient's norm {float(norm):g} (batch from chips {_listed(np.unique(chips))})",
            "look for invalid pixels in these chips, or lower the learning rate",
        )


def _compiled(model: nn.Module, parameters: TrainingParameters) -> nn.Module:
    if parameters.balance == "gradient_norm":
        # it goes back through the graph that the step still needs, whose buffers must stay
        functorch_config.donated_buffer = False
    network: nn.Module = torch.compile(model)  # type: ignore[assignment]
    return network


@contextmanager
def _enough_memory(parameters: TrainingParameters) -> Iterator[None]:
    """Say what to lower where the memory of the device or of the machine does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # the allocator of the CPU and some devices raise what is a RuntimeError like any other
        told = any(sign in str(error) for sign in ("DefaultCPUAllocator", "out of memory"))
        if not told and not isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            raise
        raise UserError(
            "training-out-of-memory",
            f"{parameters.batch_size} crops of {parameters.crop_size} x {parameters.crop_size} LR "
            "pixels do not fit into memory",
            "choose smaller batches, smaller crops or a smaller architecture",
        ) from error


def _ema_update(largest: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averages: Tensors, weights: Tensors, count: Tensor | int) -> None:
        torch._foreach_lerp_(averages, weights, 1 - ema_decay(int(count), largest))

    return update


def _listed(chips: Array) -> str:
    return ", ".join(map(str, chips.tolist()))
