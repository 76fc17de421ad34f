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
from pydantic import Field
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.hardware import best_precision, keep_freed_memory
from sen2naip_sr.models.networks.lean import Lean, LeanBlock
from sen2naip_sr.models.quantisation import set_rounding
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.parameters import Parameters
from sen2naip_sr.release.imagery.bank import make_bank
from sen2naip_sr.release.imagery.packed import read_places
from sen2naip_sr.release.imagery.parameters import ImageryParameters, crops
from sen2naip_sr.release.imagery.result import of_data, split, validation_psnr
from sen2naip_sr.release.imagery.slimming import equalise, reach, set_ends, slimmed
from sen2naip_sr.training.mixture.bank import Bank
from sen2naip_sr.training.mixture.batches import Batch, BatchMaker
from sen2naip_sr.training.optimization.schedule import Budget, ema_decay
from sen2naip_sr.training.parameters.mixture import BatchParameters
from sen2naip_sr.weights.files import Weights, WeightsMetadata, save_weights

logger = logging.getLogger(__name__)

_BETAS = (0.9, 0.99)
_MEASURED = 24
"""Batches that the ranges of feature maps are measured on."""


class DistillingParameters(Parameters):
    """A training of one network from trained weights."""

    inner: int | None = Field(default=None, ge=1)
    """Inner feature maps of a block that are kept; null: all."""
    blocks: int | None = Field(default=None, ge=1)
    """Blocks that are kept; null: all."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """The peak of the learning rate, which falls by half a cosine."""
    range_rate: float = Field(default=10.0, ge=0)
    """Learning rate of the ranges of feature maps, relative to that of the weights."""
    warmup_steps: int = Field(default=100, ge=1)
    """Steps over which it rises first."""
    rounding_from: float = Field(default=0.0, ge=0, le=1)
    """Share of the training before weights and feature maps are rounded."""
    distilled: float = Field(default=0.4, ge=0, le=1)
    """Weight of the larger network's output in the loss."""
    ema_decay: float = Field(default=0.998, ge=0, lt=1)
    """Largest decay of the moving average of the weights, which is what is kept."""
    kept: int = Field(default=400, ge=1)
    """Batches that are made, and come again."""
    batch: BatchParameters = BatchParameters(
        side=96, images=8, crops=crops((0.45, 1, False), (0.2, 2, False), (0.35, 1, True))
    )
    """What a batch is made of."""
    imagery: ImageryParameters = ImageryParameters()
    """How crops are varied and observed, which place validates, the seed, the largest gradient and
    the floor of the loss; nothing else of it is used."""


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


class LabelledBatches:
    """Batches with the outputs of a larger network, on the CPU.

    Args:
        packed: Folder of packed imagery.
        parameters: Those of the training.
        teacher: The larger network.

    Attributes:
        validation: Chips of the place that validates.
        trained: Names of the places that are trained on.

    Raises:
        UserError: If the imagery does not fit the parameters.
    """

    def __init__(self, packed: Path, parameters: DistillingParameters, teacher: Lean) -> None:
        imagery, device = parameters.imagery, torch.device("cpu")
        trained, held_out = split(list(read_places(packed)), imagery.validation)
        banks = [make_bank(trained, deep, imagery.locations, device) for deep in (False, True)]
        validation = make_bank(held_out, False, {}, device)
        if validation is None:
            raise UserError(
                "no-validation-chip",
                f"location '{imagery.validation}' has no 8-bit imagery to validate on",
                "name another location",
            )
        self.validation: Bank = validation
        self.trained = [place.name for place in trained]
        made, drawn = (torch.Generator().manual_seed(imagery.seed + k) for k in range(2))
        self._generator, self._kept, self._teacher = drawn, parameters.kept, teacher
        self._make = BatchMaker([b for b in banks if b], parameters.batch, imagery, made)
        self._batches: list[tuple[Batch, Tensor]] = []

    def first(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the LR, (B, C, h, w), and the conditions, (B, n), of the first batches."""
        while len(self._batches) < min(count, self._kept):
            self._add()
        some = [batch for batch, _ in self._batches[:count]]
        return torch.cat([b.lr.float() for b in some]), torch.cat([b.conditions for b in some])

    def draw(self) -> tuple[Batch, Tensor]:
        """Return a batch and the teacher's outputs for it, (B, C, 2h, 2w)."""
        which = -1
        if len(self._batches) < self._kept:
            self._add()
        else:
            which = int(torch.randint(self._kept, (), generator=self._generator))
        batch, taught = self._batches[which]
        # turns would change the blur that the conditions tell of
        axes = [axis for axis in (-2, -1) if torch.rand((), generator=self._generator) < 0.5]
        lr, hr, taught = (_fast(maps.float().flip(axes)) for maps in (batch.lr, batch.hr, taught))
        return Batch(lr, hr, batch.conditions), taught

    @torch.no_grad()
    def _add(self) -> None:
        batch = self._make()
        with torch.autocast("cpu", torch.bfloat16):
            taught = self._teacher(_fast(batch.lr), batch.conditions)
        # half the memory
        kept = Batch(batch.lr.half(), batch.hr.half(), batch.conditions)
        self._batches.append((kept, taught.half()))


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


def _fast(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last)
