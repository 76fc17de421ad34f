"""What a step minimises: the weighted losses, one of which can come from a discriminator."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sen2naip_sr.training.checkpoint import Stateful
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.losses import Setting
from sen2naip_sr.training.objective.adversarial import Adversary
from sen2naip_sr.training.objective.adversarial_losses import Reduce, itself
from sen2naip_sr.training.objective.total import TotalLoss
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.parameters.losses import ADVERSARIAL
from sen2naip_sr.training.ranks import Ranks


@dataclass(frozen=True)
class Crops:
    """Some of the crops of a step, on the device, normalised: (b, C, h, w) and (b, C, 2h, 2w).

    The weight of each is (b,), 1 on average; None: equal weights. The conditions are (b, n), what
    the network is told; None: nothing. The valid pixels of LR and the HR pixels that count are bool
    and have the shapes of ``lr`` and ``hr``; None: all.
    """

    lr: Tensor
    hr: Tensor
    weights: Tensor | None = None
    conditions: Tensor | None = None
    lr_valid: Tensor | None = None
    scored: Tensor | None = None

    def __iter__(self) -> Iterator["Crops"]:
        """Iterate over the crops, as batches of one."""
        yield from self.chunk(len(self.lr))

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the network takes: LR, and conditions if it is told any."""
        return (self.lr,) if self.conditions is None else (self.lr, self.conditions)

    def chunk(self, pieces: int) -> list["Crops"]:
        """Return the crops in as many pieces, or in fewer if there are too few."""
        parts = [
            [None] * pieces if tensor is None else tensor.chunk(pieces) for tensor in self._tensors
        ]
        return [Crops(*tensors) for tensors in zip(*parts, strict=False)]

    def counted(self, prediction: Tensor) -> Tensor:
        """Return a prediction that is the truth where pixels do not count.

        Losses see no difference there, and no gradient comes from there.
        """
        return prediction if self.scored is None else prediction.where(self.scored, self.hr)

    @property
    def _tensors(self) -> tuple[Tensor | None, ...]:
        return self.lr, self.hr, self.weights, self.conditions, self.lr_valid, self.scored


class Objective:
    """The losses of a training.

    Args:
        parameters: The losses and their weights.
        data: The chips of the training.
        fabric: The Fabric of the training.
        ranks: The processes; None: those of ``fabric``.

    Raises:
        UserError: What `TotalLoss` raises.
    """

    def __init__(
        self,
        parameters: TrainingParameters,
        data: TrainingData,
        fabric: Fabric,
        ranks: Ranks | None = None,
    ) -> None:
        p, bands = parameters, data.hr.shape[1]
        self._ranks = ranks or Ranks(fabric, p.batch_size)
        self._balanced = p.balance != "fixed"
        self._precision = fabric.strategy.precision
        self._recipe = data.recipe
        self._losses = TotalLoss(Setting(p, bands, data.recipe)).to(fabric.device)
        if p.precision == "64-true":
            self._losses.double()
        adversarial = ADVERSARIAL in p.losses
        self._adversary = (
            Adversary(p.adversarial, bands, fabric, p.seed, self._ranks) if adversarial else None
        )

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Trained parameters besides the network's: the adaptive weights of the losses."""
        return list(self._losses.parameters())

    @property
    def balance(self) -> nn.Module:
        """The weights of the losses."""
        return self._losses.balance

    @property
    def parts(self) -> dict[str, Stateful]:
        """The objects with a state, by name."""
        adversary = {"adversary": self._adversary} if self._adversary else {}
        return {"losses": self._losses, **adversary}

    def __call__(
        self,
        prediction: Tensor,
        crops: Crops,
        step: int,
        shared: Tensor | None,
        *,
        halves: bool = False,
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the weighted sum to minimise, a scalar, and the losses for the log.

        Args:
            prediction: (b, C, 2h, 2w), from ``crops.lr``.
            crops: The crops to compare it with.
            step: The current step, from 0.
            shared: The weights of the network's last layer, once a step, to balance gradients by;
                None: leave the weights of the losses as they are.
            halves: Whether a process alone would compute this step in halves of the batch.
        """
        terms = self._terms(prediction, crops, halves)
        if shared is not None and self._balanced:
            scaler = getattr(self._precision, "scaler", None)
            scale = scaler.get_scale() if scaler else 1.0
            reduce = partial(self._ranks.first_half, halves=halves)
            self._losses.rebalance(terms, shared, scale, reduce)
        ramped = dict(terms)
        if self._adversary:
            ramped[ADVERSARIAL] = terms[ADVERSARIAL] * self._adversary.weight(step)
        total = self._losses.total(ramped)
        return total, _for_log(total, terms)

    def update(self, predictions: list[Tensor], crops: list[Crops], step: int) -> dict[str, Tensor]:
        """Train the discriminator, if there is one, after the network; return its measurements.

        Raises:
            UserError: If the adversarial training has collapsed.
        """
        if not self._adversary:
            return {}
        truth = torch.cat([part.hr for part in crops])
        images = [part.counted(image) for part, image in zip(crops, predictions, strict=True)]
        figures = self._adversary.train_step(torch.cat(images), truth, step)
        self._adversary.check(step)
        return figures

    def weights(self) -> dict[str, float]:
        """Return the weights of the losses if they adapt, for the log."""
        if not self._balanced:
            return {}
        return {f"weight_{name}": w for name, w in self._losses.current_weights().items()}

    def check(self, step: int, psnr: float) -> None:
        """Stop an adversarial training that has collapsed; see `Adversary.check`."""
        if self._adversary:
            self._adversary.check(step, psnr)

    def _terms(self, prediction: Tensor, crops: Crops, halves: bool) -> dict[str, Tensor]:
        if crops.weights is None:
            return self._unweighted(prediction, crops, partial(self._ranks.mean, halves=halves))
        each = [
            self._unweighted(one, crop)
            for one, crop in zip(prediction.split(1), crops, strict=True)
        ]
        return {
            name: (torch.stack([terms[name] for terms in each]) * crops.weights).mean()
            for name in each[0]
        }

    def _unweighted(
        self, prediction: Tensor, crops: Crops, over_ranks: Reduce = itself
    ) -> dict[str, Tensor]:
        prediction = crops.counted(prediction)
        terms = self._losses.terms(prediction, crops.hr, self._lr(crops))
        if self._adversary:
            terms[ADVERSARIAL] = self._adversary.generator_term(prediction, crops.hr, over_ranks)
        return terms

    def _lr(self, crops: Crops) -> Tensor:
        """Return LR, and the downscaled truth where LR is invalid, for losses that compare LR."""
        if crops.lr_valid is None or self._recipe is None:
            return crops.lr
        return crops.lr.where(crops.lr_valid, self._recipe.downscale(crops.hr, None))


def _for_log(total: Tensor, terms: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the sum and, if there are several, the terms. Synchronises with the device once."""
    named = {f"loss_{name}": term for name, term in terms.items()} if len(terms) > 1 else {}
    values = torch.stack([total, *named.values()]).tolist()
    return dict(zip(("loss", *named), values, strict=True))
