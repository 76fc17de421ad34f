"""A network, its optimiser, and the moving average of its weights."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.release.imagery.parameters import ImageryParameters, LearnerParameters
from sen2naip_sr.training.optimization.schedule import ema_decay
from sen2naip_sr.weights.files import Weights

_INITIAL_SCALE = 0.3
"""Of the second convolutions of blocks: deep networks begin close to the identity."""
_BETAS = (0.9, 0.99)


class Learner:
    """A conditioned Lean in training.

    What changes from step to step is on the device, so that a CUDA graph can hold a step.

    Args:
        size: Its size and learning rate.
        bands: Image bands.
        parameters: Those of the training.
        device: Where it is trained.

    Attributes:
        network: The network.
        steps: How many steps it has made.
        started_from: Label of the weights that it started from; None: random ones.
    """

    def __init__(
        self,
        size: LearnerParameters,
        bands: int,
        parameters: ImageryParameters,
        device: torch.device,
    ) -> None:
        self.architecture = {"channels": size.channels, "blocks": size.blocks, "conditions": True}
        network = cast(Lean, build_model("lean", bands, **self.architecture))
        scale_blocks(network)
        self.network = network.to(device)
        # torch's types leave this out
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.steps = 0
        self.started_from: str | None = None
        self._size, self._parameters, self._device = size, parameters, device
        self._weights = list(network.parameters())
        self._average = [weight.detach().clone() for weight in self._weights]
        self._rate, self._forget = (torch.zeros((), device=device) for _ in range(2))
        self._optimizer = torch.optim.AdamW(
            self._weights,
            lr=self._rate,
            betas=_BETAS,
            weight_decay=0,
            fused=True,
            capturable=device.type == "cuda",
        )

    def load(self, weights: Weights) -> None:
        """Start from weights of the same architecture.

        Raises:
            UserError: If they do not fit.
        """
        weights.load_into(self.network)
        self.started_from = weights.label
        for average, weight in zip(self._average, self._weights, strict=True):
            average.copy_(weight.detach())

    def compile(self) -> None:
        """Compile the blocks, which share the compiled code."""
        for block in list(self.network.body)[:-1]:
            block.compile(dynamic=False)

    def schedule(self, progress: float, steps: int) -> None:
        """Set learning rate and averaging before the next steps.

        Args:
            progress: The share of the training that is over.
            steps: How many steps follow with these values.
        """
        parameters = self._parameters
        self.steps += steps
        warm = min(1.0, self.steps / max(1, parameters.warmup_steps))
        cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))
        self._rate.fill_(self._size.learning_rate * (warm * cosine + parameters.final))
        self._forget.fill_(1 - ema_decay(self.steps, parameters.ema_decay))

    def predict(self, lr: Tensor, conditions: Tensor) -> Tensor:
        """Return (B, C, 2h, 2w), in mixed precision on a GPU."""
        mixed = self._device.type == "cuda"
        # a cache of casted weights would outlive the step that a graph captures
        with torch.autocast(self._device.type, torch.bfloat16, enabled=mixed, cache_enabled=False):
            lr = lr.contiguous(memory_format=torch.channels_last)
            return self.network(lr, conditions).float()

    def step(self, loss: Tensor) -> None:
        """Change the weights once."""
        loss.backward()
        nn.utils.clip_grad_norm_(self._weights, self._parameters.clip, foreach=True)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for average, weight in zip(self._average, self._weights, strict=True):
                average.lerp_(weight, self._forget)

    def averaged(self) -> Lean:
        """Return a network with the averaged weights, in eval mode, on the same device."""
        network = cast(Lean, build_model("lean", self.network.bands, **self.architecture))
        names = [name for name, _ in self.network.named_parameters()]
        network.load_state_dict(dict(zip(names, self._average, strict=True)))
        return network.to(self._device).eval()


@torch.no_grad()
def scale_blocks(network: Lean) -> None:
    """Make the residual blocks of an untrained network contribute less."""
    for block in list(network.body)[:-1]:
        cast(nn.Conv2d, block.second).weight.mul_(_INITIAL_SCALE)
