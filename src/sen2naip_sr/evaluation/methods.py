"""The methods that can be scored: interpolations, and networks with weights."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from torch import nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import noted
from sen2naip_sr.evaluation.seen import TestChips, origin_of
from sen2naip_sr.inference.flat_areas import Calming, calmed
from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.inference.values import ValueRange
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.models.registry import MODELS, build_model, get_spec
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.upscaling.conditions import tell
from sen2naip_sr.upscaling.parameters import UpscalerParameters
from sen2naip_sr.weights.files import Weights, WeightsMetadata

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Method:
    """A way to upscale.

    Attributes:
        name: Its name in tables.
        title: Its name in figures.
        model: Maps (B, C, h, w) in [0, 1] to (B, C, 2h, 2w); in eval mode, on the CPU.
        trained: Whether it has weights.
        weights: Its weights, if it is one of this project's networks.
        origin: Where its weights are from, see `sen2naip_sr.evaluation.seen.origin_of`.
        estimated: Whether it is told the noise, blur and compression that are estimated from each
            image, rather than those of the recipe.
    """

    name: str
    title: str
    model: nn.Module
    trained: bool
    weights: Weights | None = None
    origin: str = ""
    estimated: bool = False

    def network(
        self,
        bands: int,
        device: str,
        conditions: Conditions | None = None,
        sharpness: float = 1.0,
        calming: Calming | None = None,
    ) -> TorchNetwork:
        """Return the method as a function of arrays, the one that upscales scenes too.

        It computes in float32 on every machine, so that scores can be reproduced.

        Args:
            bands: Image bands.
            device: Where to compute.
            conditions: What networks with `weights` are told of the image; None: the recipe's.
            sharpness: The share of their correction that is used if they are told something.
            calming: How flat areas are then calmed.

        Raises:
            UserError: If the device is not available.
        """
        model = self.model
        if conditions is not None and self.weights is not None:
            model = self.weights.build(conditions)
            model.strength = sharpness  # type: ignore[assignment] # torch takes it for a layer
            model = calmed(model, calming)
        return make_network(model, bands=bands, device=device, precision="float32")


def interpolations(bands: int) -> list[Method]:
    """Return every interpolation of the registry."""
    return [
        Method(name, MODELS[name].title, build_model(name, bands).eval(), trained=False)
        for name in INTERPOLATIONS
    ]


def network_for(
    method: Method,
    small: Array,
    value_range: ValueRange,
    device: str,
    valid: Array | None = None,
) -> TorchNetwork | None:
    """Return a method told what is estimated from an image; None if it is told no estimates.

    Args:
        method: The method.
        small: The image, LR, (C, h, w) of any real dtype.
        value_range: Digital numbers that become 0 and 1.
        device: Where to compute.
        valid: (C, h, w), bool, the image's valid pixels; None: all.
    """
    if not method.estimated or method.weights is None:
        return None
    plain = UpscalerParameters.model_validate({})
    image = small if valid is None else np.ma.MaskedArray(small, mask=~valid)
    told = tell(plain, ArrayScene(image), value_range, method.weights.build)
    return method.network(len(small), device, told.conditions, told.sharpness, told.calming)


def variants(
    name: str,
    title: str,
    weights: Weights,
    told: Sequence[str] = ("recipe",),
    origin: str = "",
) -> list[Method]:
    """Return a network with weights as methods: one for each thing that it is told.

    What is told is the noise, blur and compression of the ``recipe``, or ``estimates`` from each
    image. Weights that were trained without conditions are one method.

    Raises:
        UserError: If the weights do not fit their architecture.
    """
    plain = Method(name, title, weights.build(), trained=True, weights=weights, origin=origin)
    estimated = replace(
        plain, name=f"{name}, estimated", title=f"{title}, estimated", estimated=True
    )
    if not weights.conditioned:
        return [plain]
    return [{"recipe": plain, "estimates": estimated}[each] for each in told]


def networks(  # noqa: PLR0913 - the last two are keywords
    weights: Mapping[str, Weights | None],
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    *,
    told: Sequence[str] = ("recipe",),
    given: Mapping[str, Weights] | None = None,
) -> list[Method]:
    """Return the networks whose weights can be scored on these test chips.

    Weights that cannot are left out with a warning: results of another recipe, or of ground that
    was trained on, must not stand in the same table. So are networks without weights.

    Args:
        weights: By the network that they have to be of.
        hr: HR chips.
        lr: LR chips.
        splits: Which chips are tested on.
        told: What networks with conditions are told.
        given: Further weights by the name that tables show, of any network.
    """
    found = [(name, name, own) for name, own in weights.items() if own is not None]
    found += [(name, own.metadata.architecture, own) for name, own in (given or {}).items()]
    methods: list[Method] = []
    tested = TestChips(hr, splits)
    anew = any(own.new for _, _, own in found)
    for name, architecture, own in found:
        try:
            require_fitting(own.metadata, architecture, hr, lr)
            tested.require_unseen(own.metadata, f"train '{architecture}' on these chips")
            title = get_spec(architecture).title if name == architecture else name
            origin = origin_of(own, hr, splits, anew=anew)
            methods += variants(name, noted(title, origin), own, told, origin)
        except UserError as error:
            named = f"{name} (shipped)" if own.shipped else name
            logger.warning("%s is not scored: %s", named, error)
            continue
        if origin:
            logger.info("%s: %s", name, origin)
    return methods


def require_fitting(metadata: WeightsMetadata, name: str, hr: Store, lr: Store) -> None:
    """Check that weights can be scored on chips.

    Raises:
        UserError: If architecture, bands, recipe or value range differ.
    """
    again = f"train '{name}' on these chips"
    if metadata.architecture != name:
        raise UserError(
            "method-architecture-differs",
            f"its weights are of the architecture '{metadata.architecture}'",
            again,
        )
    compared = {
        "band count": (metadata.bands, hr.manifest.shape[1]),
        "downscaling recipe": (metadata.recipe, lr.attributes["recipe"]),
        "value range": (metadata.value_range, tuple(hr.attributes["value_range"])),
    }
    for what, (theirs, ours) in compared.items():
        if theirs != ours:
            raise UserError(
                "method-data-differ",
                f"its weights were trained with {what} {theirs}, the chips have {ours}",
                again,
            )
