"""TuckerAdam: Adam in the principal axes of a kernel's output, input and tap gradients.

The derivation is in docs/optimizer.md. It builds on Shampoo (Gupta, Koren and Singer 2018,
https://arxiv.org/abs/1802.09568), SOAP (Vyas et al. 2024, https://arxiv.org/abs/2409.11321) and
Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

State = dict[str, Any]


class TuckerAdam(Optimizer):
    """Adam with decoupled weight decay, in orthonormal bases that follow every kernel's gradient.

    A kernel is a tensor of three modes: outputs, inputs and taps (a matrix has the first two).
    Each mode has a basis: the eigenvectors of the averaged covariance of the gradient along it.
    Adam runs on the coefficients of the gradient in these bases, and its averages rotate with
    them. Vectors and scalars are trained by plain Adam, so one learning rate suits all. Kernels of
    equal shape are rotated together, by batched matrix products.

    The step of low-precision weights is computed in float32; the state has the dtype of its
    weight.

    Args:
        params: Weights, or groups of them.
        lr: Learning rate, that of Adam.
        betas: Decay of the averages of the gradient and of its square, each in [0, 1).
        eps: Added to the root of the averaged square, for vectors.
        damping: The same for kernels, as a share of the kernel's root mean square. Without it, axes
            whose gradient is a rounding error would take full steps.
        weight_decay: Share of a weight that every step subtracts, times the learning rate.
        refresh_every: Steps between updates of the bases; each of the first steps updates them.
        basis_decay: Decay of the covariances from one update to the next, in [0, 1).
        largest_mode: Longer modes keep their own axes: the time of an update grows with the cube
            of the length.
        matrices: Whether there are kernels and matrices; False: everything is trained as vectors.

    Raises:
        ValueError: If a value is out of its range.
    """

    def __init__(  # noqa: PLR0913 - an optimiser's settings are keywords
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
        damping: float = 1e-4,
        weight_decay: float = 0.0,
        refresh_every: int = 10,
        basis_decay: float = 0.9,
        largest_mode: int = 512,
        matrices: bool = True,
    ) -> None:
        if not all(0 <= decay < 1 for decay in (*betas, basis_decay)):
            raise ValueError(f"betas {betas} and basis_decay {basis_decay} must be in [0, 1)")
        if min(lr, eps, damping, weight_decay) < 0:
            raise ValueError(
                f"lr {lr}, eps {eps}, damping {damping} or weight_decay {weight_decay} is negative"
            )
        if refresh_every < 1:
            raise ValueError(f"refresh_every is {refresh_every}, and must be at least 1")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "damping": damping,
            "weight_decay": weight_decay,
            "refresh_every": refresh_every,
            "basis_decay": basis_decay,
            "largest_mode": largest_mode,
            "matrices": matrices,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; weights without a gradient do not change.

        Args:
            closure: Evaluates the loss and its gradient again; its result is returned.

        Raises:
            RuntimeError: If a gradient is sparse.
            ValueError: If a weight is complex.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weights in self._batches(group):
                states = [self.state[weight] for weight in weights]
                gradients = torch.stack([_modes(w.grad) for w in weights if w.grad is not None])
                # under autocast the rotations would be in half precision
                with torch.autocast(gradients.device.type, enabled=False):
                    step = _batch_step(gradients, states, group)
                _apply(weights, step, group)
        return loss

    def _batches(self, group: dict[str, Any]) -> list[list[nn.Parameter]]:
        """Return the weights that have a gradient, in lists that can be stepped at once."""
        batches: dict[Any, list[nn.Parameter]] = defaultdict(list)
        for weight in group["params"]:
            if weight.grad is None:
                continue
            if weight.grad.is_sparse:
                raise RuntimeError("TuckerAdam takes no sparse gradients")
            state = self.state[weight]
            if not state:
                _initialise(state, weight, group)
            batches[weight.shape, weight.dtype, weight.device, state["step"]].append(weight)
        return list(batches.values())


def _modes(tensor: Tensor) -> Tensor:
    """View a kernel (outputs, inputs, ...) with its taps as one mode."""
    return tensor.flatten(2) if tensor.ndim > 3 else tensor


def _initialise(state: State, weight: nn.Parameter, group: dict[str, Any]) -> None:
    """Write a weight's empty state: averages of zero, bases along the weight's own axes."""
    if weight.is_complex():
        raise ValueError("TuckerAdam takes no complex weights")
    shape = _modes(weight).shape
    state["step"] = 0
    for name in ("exp_avg", "exp_avg_sq"):
        state[name] = weight.new_zeros(shape)
    if not group["matrices"] or len(shape) < 2:
        return
    for mode, length in enumerate(shape):
        if 1 < length <= group["largest_mode"]:
            state[f"covariance_{mode}"] = weight.new_zeros(length, length)
            state[f"basis_{mode}"] = torch.eye(length, dtype=weight.dtype, device=weight.device)


def _batch_step(gradients: Tensor, states: Sequence[State], group: dict[str, Any]) -> Tensor:
    """Update the states of weights of one shape, and return Adam's direction for them.

    ``gradients`` are (number of weights, *modes), any float dtype. The direction has that shape, is
    at least float32, and is to be taken off times the learning rate.
    """
    precision = torch.promote_types(gradients.dtype, torch.float32)
    gradients = gradients.to(precision)
    step = states[0]["step"] + 1
    average, square = (_stacked(states, name).to(precision) for name in ("exp_avg", "exp_avg_sq"))
    modes = [mode for mode in range(gradients.ndim - 1) if f"basis_{mode}" in states[0]]
    bases = {mode: _stacked(states, f"basis_{mode}").to(precision) for mode in modes}
    if step <= group["refresh_every"] or step % group["refresh_every"] == 0:
        turns = _refresh(gradients, states, bases, group["basis_decay"])
        average = _turn(average, turns)
        # entries of a rotation squared: what uncorrelated coefficients' mean squares become
        square = _turn(square, {mode: turn.square() for mode, turn in turns.items()})
    coefficients = _turn(gradients, bases)
    beta1, beta2 = group["betas"]
    average.lerp_(coefficients, 1 - beta1)
    square.lerp_(coefficients.square_(), 1 - beta2)
    _store(states, "exp_avg", average)
    _store(states, "exp_avg_sq", square)
    for state in states:
        state["step"] = step
    scale = (square / (1 - beta2**step)).sqrt_()
    scale.add_(_floor(scale, group["damping"]) if bases else group["eps"])
    direction = average.div_(1 - beta1**step).div_(scale)
    return _turn(direction, {mode: basis.mT for mode, basis in bases.items()})


def _refresh(
    gradients: Tensor, states: Sequence[State], bases: dict[int, Tensor], decay: float
) -> dict[int, Tensor]:
    """Move ``bases`` to the eigenvectors of the averaged covariances, and return how they turned.

    For each mode these are the new basis in coefficients of the old, (batch, length, length).
    """
    turns = {}
    for mode, basis in bases.items():
        covariances = _stacked(states, f"covariance_{mode}").to(gradients.dtype)
        slices = gradients.movedim(mode + 1, 1).flatten(2)
        covariances.lerp_(slices @ slices.mT, 1 - decay)
        bases[mode] = _eigenvectors(covariances)
        turns[mode] = basis.mT @ bases[mode]
        _store(states, f"covariance_{mode}", covariances)
        _store(states, f"basis_{mode}", bases[mode])
    return turns


def _eigenvectors(covariances: Tensor) -> Tensor:
    # not every accelerator has float64 or this decomposition, which in float32 may not converge
    device = covariances.device if covariances.is_cuda else torch.device("cpu")
    vectors = torch.linalg.eigh(covariances.to(device, torch.float64))[1]
    return vectors.to(covariances)


def _floor(scale: Tensor, damping: float) -> Tensor:
    """Return a share of each weight's root mean square, (batch, 1, ...), larger than zero."""
    shape = (-1, *[1] * (scale.ndim - 1))
    size = torch.linalg.vector_norm(scale.flatten(1), dim=1) / scale[0].numel() ** 0.5
    return (damping * size).clamp_(min=torch.finfo(scale.dtype).tiny).view(shape)


def _turn(tensors: Tensor, bases: dict[int, Tensor]) -> Tensor:
    """Return the coefficients of (batch, *modes) tensors in a basis for each mode given.

    Each mode in turn is the first and becomes the last, so that after all of them the order is
    the old one and no axes have to be moved in memory.
    """
    if not bases:
        return tensors
    for mode in range(tensors.ndim - 1):
        sizes = tensors.shape
        slices = tensors.flatten(2).mT
        slices = slices @ bases[mode] if mode in bases else slices
        tensors = slices.reshape(sizes[0], *sizes[2:], sizes[1])
    return tensors


def _stacked(states: Sequence[State], name: str) -> Tensor:
    return torch.stack([state[name] for state in states])


def _store(states: Sequence[State], name: str, values: Tensor) -> None:
    for state, value in zip(states, values.unbind(), strict=True):
        state[name].copy_(value)


def _apply(weights: Sequence[nn.Parameter], step: Tensor, group: dict[str, Any]) -> None:
    """Decay the weights and take the learning rate times ``step`` off them."""
    for weight, part in zip(weights, step, strict=True):
        if group["weight_decay"]:
            weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(part.view(weight.shape), alpha=-group["lr"])
