"""One training of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.chips.store import Store, fingerprint_of
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.training.network import starting_weights
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.version import __version__

REPLACED = ("losses", "optimizer")
"""Parameters that a change replaces as a whole: what is left of the others would not belong."""


@dataclass(frozen=True)
class Variation:
    """A training: what is built, how and on which chips it is trained.

    Attributes:
        name: Its name, unique in the experiment; a folder is called so.
        model: The network's name in `sen2naip_sr.models.registry.MODELS`.
        parameters: What to build and how to train it.
        splits: Which chips train, and which are held out (called validation): scored during the
            training and in the end. Holds no test chip.
        tags: What distinguishes it from the others, as ``{"fold": "2"}``.
        watched: Chips that are upscaled at every validation, to see how they emerge.
        subspace: Dimension of the random subspace that its weights are trained in; None: the whole
            space.
    """

    name: str
    model: str
    parameters: NetworkParameters
    splits: pd.DataFrame
    tags: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[int, ...] = ()
    subspace: int | None = None

    def fingerprint(self, hr: Store, lr: Store, evaluation: EvaluationParameters) -> str:
        """Return a hash of all that the outcome depends on.

        Args:
            hr: HR chips.
            lr: Their LR chips.
            evaluation: How held-out chips are scored.

        Raises:
            UserError: If the weights to start from are not there.
        """
        start = starting_weights(self.model, self.parameters)
        return fingerprint_of(
            self.model,
            self.parameters.model_dump(mode="json"),
            hr.manifest.content,
            lr.attributes["recipe"],
            split_hash(self.splits),
            self.subspace,
            self.watched,
            evaluation.chips,
            start.label if start else None,
            __version__,
        )


def varied(parameters: Mapping[str, Any], *changes: Mapping[str, Any]) -> NetworkParameters:
    """Return a network's parameters with changes, of which later ones win.

    Groups are merged field by field, but for those of `REPLACED`.

    Args:
        parameters: As conf has them.
        *changes: The same nested, with what is to be different.

    Raises:
        pydantic.ValidationError: If a name is unknown or a value not valid.
    """
    merged = dict(parameters)
    for change in changes:
        merged = _merged(merged, change)
    return NetworkParameters.model_validate(merged)


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in change.items():
        held = merged.get(name)
        both = isinstance(held, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(held, value) if both and name not in REPLACED else value  # type: ignore[arg-type]
    if change.get("minutes") is None and change.get("steps") is not None:
        merged["minutes"] = None
    return merged
