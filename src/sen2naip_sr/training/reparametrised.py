"""Networks whose weights are a function of the trained parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Reparametrised(nn.Module, ABC):
    """A network around another one, whose weights it computes from its own parameters."""

    @property
    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Its description in plain types, part of the fingerprint of a checkpoint."""

    @abstractmethod
    def folded(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the inner network's state for a state of this one, on the CPU."""


Wrap = Callable[[nn.Module], Reparametrised]
"""Wraps a network."""
