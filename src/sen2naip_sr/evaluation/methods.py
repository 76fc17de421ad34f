"""The methods that can be scored: interpolations, and networks with weights."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from torch import nn

from sen2naip_sr.chips.splits import TEST
from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.models.registry import MODELS, build_model, get_spec
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
    """

    name: str
    title: str
    model: nn.Module
    trained: bool

    def network(self, bands: int, device: str) -> TorchNetwork:
        """Return the method as a function of arrays, the one that upscales scenes too.

        It computes in float32 on every machine, so that scores can be reproduced.

        Raises:
            UserError: If the device is not available.
        """
        return make_network(self.model, bands=bands, device=device, precision="float32")


def interpolations(bands: int) -> list[Method]:
    """Return every interpolation of the registry."""
    return [
        Method(name, spec.title, build_model(name, bands).eval(), trained=False)
        for name, spec in MODELS.items()
        if not spec.trainable
    ]


def networks(
    weights: Mapping[str, Weights | None], hr: Store, lr: Store, splits: pd.DataFrame
) -> list[Method]:
    """Return the networks whose weights can be scored on these test chips.

    Weights that cannot are left out with a warning: results of another recipe, or of chips that
    were trained on, must not stand in the same table. So are networks without weights.
    """
    methods = []
    for name, found in weights.items():
        if found is None:
            continue
        try:
            require_fitting(found.metadata, name, hr, lr, splits)
            model = found.build()
        except UserError as error:
            logger.warning("%s is not scored: %s", name, error)
            continue
        if found.shipped:
            logger.info("%s: the weights that come with the project", name)
        methods.append(Method(name, get_spec(name).title, model, trained=True))
    return methods


def require_fitting(
    metadata: WeightsMetadata, name: str, hr: Store, lr: Store, splits: pd.DataFrame
) -> None:
    """Check that weights may be scored on the test chips.

    Raises:
        UserError: If architecture, bands, recipe or value range differ, or a test place was
            trained on.
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
    test_places = set(splits.loc[splits["split"] == TEST, "place"])
    seen = sorted(test_places & set(metadata.train_places))
    if seen:
        raise UserError(
            "test-place-seen", f"its weights were trained on the test place {seen[0]}", again
        )
