"""Every way to upscale by its name: networks with weights, and interpolations."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.models.linear import shipped_filter
from sen2naip_sr.models.networks import NETWORKS, network_spec
from sen2naip_sr.models.spec import ModelSpec
from sen2naip_sr.parameters import Parameters, describe_unknown, summarise


class NoParameters(Parameters):
    """Interpolations and the linear filter have no parameters."""


def _interpolation(method: str, title: str) -> ModelSpec:
    return ModelSpec(title, lambda bands: Interpolation(method), NoParameters, False)


MODELS: dict[str, ModelSpec] = {
    **{name: network_spec(name) for name in NETWORKS},
    "nearest": _interpolation("nearest", "nearest neighbour"),
    "bilinear": _interpolation("bilinear", "bilinear"),
    "bicubic": _interpolation("bicubic", "bicubic, a = -0.75"),
    "bicubic_pil": _interpolation("bicubic_pil", "bicubic, a = -0.5"),
    "lanczos": _interpolation("lanczos", "Lanczos"),
    "linear": ModelSpec("linear filter", shipped_filter, NoParameters, False),
}
"""Every model by its name: the networks of `sen2naip_sr.models.networks`, interpolations, and the
linear filter."""


def get_spec(name: str) -> ModelSpec:
    """Return the model called ``name``.

    Raises:
        UserError: If there is none; the message names the nearest.
    """
    if name not in MODELS:
        raise UserError(
            "unknown-model",
            describe_unknown("model", name, list(MODELS)),
            "use one of the valid names",
        )
    return MODELS[name]


def build_model(name: str, bands: int, **parameters: Any) -> nn.Module:
    """Build a model, untrained.

    Its weights come from torch's global random generator: call ``torch.manual_seed`` first for
    reproducible weights.

    Args:
        name: A name in `MODELS`.
        bands: Image bands, at least 1.
        **parameters: The architecture's parameters; those not given take their defaults.

    Raises:
        UserError: If the name, a parameter's name or a value is not valid.
    """
    if bands < 1:
        raise UserError(
            "no-bands", f"model '{name}': {bands} bands", "give images with at least 1 band"
        )
    return get_spec(name).build(bands, **complete_parameters(name, parameters))


def complete_parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of an architecture, with defaults for those that are not given.

    Raises:
        UserError: If the name, a parameter's name or a value is not valid.
    """
    try:
        return get_spec(name).parameters(**parameters).model_dump()
    except ValidationError as error:
        raise UserError(
            "architecture-invalid", f"model '{name}': {summarise(error)}", "correct this parameter"
        ) from error
