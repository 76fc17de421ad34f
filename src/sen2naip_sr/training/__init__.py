"""The training core: torch and Lightning Fabric, no Kedro.

`Trainer` trains step by step on `TrainingData`, with the Fabric of `make_fabric`. They are imported
at their first use, so that importing the parameters of a training imports no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sen2naip_sr.training.crops.sampler import TrainingData
    from sen2naip_sr.training.launch import make_fabric
    from sen2naip_sr.training.trainer import Trainer

__all__ = ["Trainer", "TrainingData", "make_fabric"]

_MODULES = {"Trainer": "trainer", "TrainingData": "crops.sampler", "make_fabric": "launch"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
