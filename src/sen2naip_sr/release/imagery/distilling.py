"""One network trained to be computed in 8 bits, on imagery and the outputs of a larger network.

It starts from trained weights, which may be made smaller. Rounding is part of the training: see
`sen2naip_sr.models.quantisation`. The ranges of feature maps are learnt with the weights (Esser et
al. 2020, "Learned Step Size Quantization", https://arxiv.org/abs/1902.08153). What differs: the
gradients of ranges are not scaled, since Adam divides by their size.

The outputs of the larger network take much time, so batches are kept and come again, mirrored at
random. Until rounding begins, convolutions are computed in bfloat16 where the processor can.
"""

import logging
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import best_precision, keep_freed_memory
from sen2naip_sr.models.networks.lean import Lean, LeanBlock
from sen2naip_sr.models.quantisation import set_rounding
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.release.imagery.labelled import LabelledBatches
from sen2naip_sr.release.imagery.parameters import DistillingParameters
from sen2naip_sr.release.imagery.result import of_data, validation_psnr
from sen2naip_sr.release.imagery.slimming import equalise, reach, set_ends, slimmed
from sen2naip_sr.training.mixture.bank import Bank
from sen2naip_sr.training.optimization.schedule import Budget, ema_decay
from sen2naip_sr.weights.files import Weights, WeightsMetadata, save_weights

logger = logging.getLogger(__name__)

_BETAS = (0.9, 0.99)
_MEASURED = 24
"""Batches that the ranges of feature maps are measured on."""


def distil(  # noqa: PLR0913 - the last three are keywords
    packed: Path,
    file: Path,
    parameters: DistillingParameters,
    budget: Budget,
    *,
    teacher: Weights,
    start: Weights,
    commit: str | None = None,
) -> None:
    """Train a network, and write its weights now and then and at the end.

    Args:
        packed: Folder of packed imagery.
        file: Where the weights are written.
        parameters: All that decides the result, but for the length.
        budget: How long to train.
        teacher: The larger network.
        start: The weights to start from. Both are of a `Lean` with conditions.
        commit: The commit of this code; None: that of the checkout, if there is one.

    Raises:
        UserError: If the imagery or the weights do not fit.
    """
    torch.manual_seed(parameters.imagery.seed)
    keep_freed_memory()
    labelled = LabelledBatches(packed, parameters, _network_of(teacher))
    network = prepared(_network_of(start), parameters, labelled)
    distiller = Distiller(network, parameters, labelled)
    header = _header(packed, parameters, labelled, network, start.label, commit)
    progress, saved = 0.0, time.monotonic()
    while progress < 1:
        loss = distiller.step(progress)
        progress = budget.progress(distiller.steps)
        if progress >= 1 or time.monotonic() - saved > parameters.imagery.save_every:
            averaged = distiller.averaged()
            scores = scored(averaged, labelled.validation)
            made = {"validation_psnr": scores[0], "step": distiller.steps}
            save_weights(file, averaged.state_dict(), header.model_copy(update=made))
            logger.info(
                "%3.0f %%, step %d: loss %.3f, validation %.3f dB, in 8 bits %.3f dB",
                *(100 * progress, distiller.steps, loss, *scores),
            )
            saved = time.monotonic()


def prepared(network: Lean, parameters: DistillingParameters, batches: LabelledBatches) -> Lean:
    """Return the network that is trained: made smaller, even in its feature maps, quantised."""
    seen = batches.first(_MEASURED)
    if parameters.inner or parameters.blocks:
        first = cast(LeanBlock, network.body[0]).first
        inner = parameters.inner or first.out_channels
        blocks = parameters.blocks or len(network.body) - 1
        network = slimmed(network, inner, blocks, reach(network, *seen))
    equalise(network, reach(network, *seen))
    quantised = _same_size(network)
    quantised.load_state_dict(network.state_dict(), strict=False)
    set_ends(quantised, reach(quantised, *seen))
    return quantised


@dataclass
class Distiller:
    """A network in training.

    Attributes:
        network: A quantised network with conditions.
        parameters: Those of the training.
        batches: What it learns from.
        steps: How many steps it has made.
    """

    network: Lean
    parameters: DistillingParameters
    batches: LabelledBatches
    steps: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        # torch's types leave this out
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._weights = dict(self.network.named_parameters())
        self._ranges = {
            name: end.requires_grad_()
            for name, end in self.network.named_buffers()
            if name.endswith(".end")
        }
        self._average = {name: learnt.detach().clone() for name, learnt in self._learnt().items()}
        groups = [
            {"params": list(self._weights.values()), "rate": 1.0},
            {"params": list(self._ranges.values()), "rate": self.parameters.range_rate},
        ]
        self._optimizer = torch.optim.AdamW(
            groups, lr=0.0, betas=_BETAS, weight_decay=0, fused=True
        )
        self._half = best_precision("cpu") == "bfloat16"

    def step(self, progress: float) -> float:
        """Make a step, when the share ``progress`` of the training is over; return its loss."""
        if progress >= self.parameters.rounding_from and not self.network.rounding:
            self._begin_rounding()
        batch, taught = self.batches.draw()
        half = self._half and not self.network.rounding
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            predicted = self.network(batch.lr, batch.conditions)
        shares = self._loss(predicted, batch.hr), self._loss(predicted, taught)
        loss = torch.lerp(*shares, self.parameters.distilled)
        loss.backward()
        self._change(progress)
        return float(loss.detach())

    def averaged(self) -> Lean:
        """Return a network with the averaged weights and ranges, in eval mode."""
        network = _same_size(self.network)
        network.load_state_dict(self.network.state_dict() | self._average)
        return network.eval()

    def _learnt(self) -> dict[str, Tensor]:
        return self._weights | self._ranges

    def _begin_rounding(self) -> None:
        averaged = self.averaged()
        set_ends(averaged, reach(averaged, *self.batches.first(_MEASURED)))
        with torch.no_grad():
            for name, end in averaged.named_buffers():
                if name in self._ranges:
                    self._ranges[name].copy_(end)
                    self._average[name].copy_(end)
        set_rounding(self.network, True)

    def _change(self, progress: float) -> None:
        p = self.parameters
        self.steps += 1
        warm = min(1.0, self.steps / p.warmup_steps)
        for group in self._optimizer.param_groups:
            rate = group["rate"] * p.learning_rate
            group["lr"] = rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress))
        nn.utils.clip_grad_norm_(self._weights.values(), p.imagery.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        forget = 1 - ema_decay(self.steps, p.ema_decay)
        with torch.no_grad():
            for name, learnt in self._learnt().items():
                self._average[name].lerp_(learnt, forget)

    def _loss(self, predicted: Tensor, truth: Tensor) -> Tensor:
        squared = (predicted - truth).square().mean((1, 2, 3))
        return torch.log(squared + self.parameters.imagery.floor**2).mean() / 2


def scored(network: Lean, validation: Bank) -> tuple[float, float]:
    """Return the validation PSNR in floats and in 8 bits, dB."""
    found = []
    for rounding in (True, False):
        set_rounding(network, rounding)
        found.append(validation_psnr(network, validation))
    return found[1], found[0]


def _header(  # noqa: PLR0913, PLR0917
    packed: Path,
    parameters: DistillingParameters,
    batches: LabelledBatches,
    network: Lean,
    started_from: str,
    commit: str | None,
) -> WeightsMetadata:
    """Return the header of the weights, of an untrained network."""
    validation = parameters.imagery.validation
    return WeightsMetadata(
        architecture="lean",
        architecture_parameters=network.size | {"conditions": True},
        validation_psnr=math.nan,
        step=0,
        started_from=started_from,
        training=parameters.model_dump(mode="json") | {"validation": validation},
        **of_data(packed, batches.trained, validation, network.bands, commit),
    )


def _network_of(weights: Weights) -> Lean:
    """Return the network that a training begins with, in eval mode."""
    known = weights.metadata
    if known.architecture != "lean" or not weights.conditioned:
        raise UserError(
            "weights-misfit",
            f"{weights.source}: not a Lean with conditions",
            "use weights of a training on varied imagery",
        )
    network = cast(Lean, build_model("lean", known.bands, **known.architecture_parameters))
    weights.load_into(network)
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _same_size(network: Lean) -> Lean:
    """Return an untrained quantised network of the same size."""
    size = network.size | {"conditions": True, "quantised": True}
    return cast(Lean, build_model("lean", network.bands, **size))
