"""Trainings in several processes.

`train_network` trains a network as the parameters say: in this process, or in several that torch's
elastic launcher starts. It is imported at its first use, since it imports torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sen2naip_sr.training.distributed.front import train_network

__all__ = ["train_network"]


def __getattr__(name: str) -> Any:
    if name != "train_network":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sen2naip_sr.training.distributed.front import train_network

    return train_network
