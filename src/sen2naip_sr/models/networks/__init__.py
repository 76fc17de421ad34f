"""Networks with weights, one a file and called as the file.

A new network is a new file here that defines ``SPEC``. Listing the names imports none of the
files, so commands that build no network start without torch.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from sen2naip_sr.parameters import Parameters

if TYPE_CHECKING:
    from sen2naip_sr.models.spec import ModelSpec

NETWORKS: tuple[str, ...] = tuple(sorted(module.name for module in iter_modules(__path__)))
"""The names of all networks."""


def network_spec(name: str) -> "ModelSpec":
    """Return how the network ``name``, one of `NETWORKS`, is built. Imports torch."""
    spec: ModelSpec = import_module(f"{__name__}.{name}").SPEC
    return spec


def architecture_parameters(name: str) -> type[Parameters]:
    """Return the parameter model of the network ``name``, one of `NETWORKS`. Imports torch."""
    return network_spec(name).parameters
