"""Every way to upscale by its name: networks with weights, and interpolations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.carn import CARN
from sen2naip_sr.models.carn_m import CARNM
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.models.lean import Lean
from sen2naip_sr.models.parameters import (
    NETWORK_PARAMETERS,
    InterpolationParameters,
    summarise,
)
from sen2naip_sr.models.unet import UNet
from sen2naip_sr.parameters import Parameters, describe_unknown


@dataclass(frozen=True)
class ModelSpec:
    """How one model is built.

    Every model maps (B, C, h, w) in [0, 1] to (B, C, 2h, 2w) for any h and w. Its attribute
    ``receptive_field`` says how many low-resolution pixels to each side an output pixel depends
    on, or None where it depends on the whole image; ``multiple`` says how tiles have to be aligned.
    Tiles that begin at multiples of ``multiple``, and overlap by at least ``receptive_field``
    rounded up to one (or end with the image), give together what the whole image gives.

    Attributes:
        title: What it is, for tables.
        build: Called with the number of bands and the architecture's parameters by name.
        parameters: The architecture's parameters.
        trainable: Whether it has weights.
    """

    title: str
    build: Callable[..., nn.Module]
    parameters: type[Parameters]
    trainable: bool


def _interpolation(method: str, title: str) -> ModelSpec:
    return ModelSpec(title, lambda bands: Interpolation(method), InterpolationParameters, False)


def _network(name: str, title: str, build: Callable[..., nn.Module]) -> ModelSpec:
    return ModelSpec(title, build, NETWORK_PARAMETERS[name], True)


def _generator(bands: int, generator: str, generator_parameters: dict[str, Any]) -> nn.Module:
    return build_model(generator, bands, **generator_parameters)


MODELS: dict[str, ModelSpec] = {
    "lean": _network("lean", "Lean", Lean),
    "carn": _network("carn", "CARN", CARN),
    "carn_m": _network("carn_m", "CARN-M", CARNM),
    "unet": _network("unet", "U-Net", UNet),
    "gan": _network("gan", "GAN", _generator),
    "nearest": _interpolation("nearest", "nearest neighbour"),
    "bilinear": _interpolation("bilinear", "bilinear"),
    "bicubic": _interpolation("bicubic", "bicubic, a = -0.75"),
    "bicubic_pil": _interpolation("bicubic_pil", "bicubic, a = -0.5"),
    "lanczos": _interpolation("lanczos", "Lanczos"),
}


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

    Its weights come from torch's global random generator: call ``torch.manual_seed`` first where
    they are to be the same again.

    Args:
        name: A name in `MODELS`.
        bands: Image bands, at least 1.
        **parameters: The architecture's parameters; those not given take their defaults.

    Raises:
        UserError: If the name, a parameter's name or a value is not valid.
    """
    spec = get_spec(name)
    if bands < 1:
        raise UserError(
            "no-bands", f"model '{name}': {bands} bands", "give images with at least 1 band"
        )
    try:
        checked = spec.parameters(**parameters)
    except ValidationError as error:
        raise UserError(
            "architecture-invalid", f"model '{name}': {summarise(error)}", "correct this parameter"
        ) from error
    return spec.build(bands, **checked.model_dump())
