"""Networks of which something else than their weights is trained."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


class Reparametrised(nn.Module, ABC):
    """A network around another one, whose weights are made of what is trained."""

    @property
    @abstractmethod
    def described(self) -> dict[str, Any]:
        """What it is, in plain types: a checkpoint of another one is not used."""

    @abstractmethod
    def folded(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the state of the inner network that a state of this one stands for, on the CPU."""


Wrap = Callable[[nn.Module], Reparametrised]
"""Makes one of a network."""
