"""One training of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.chips.store import Store, fingerprint_of
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.training.mixture.sources import imagery_hash
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.start import starting_weights
from sen2naip_sr.version import __version__

REPLACED = ("losses", "optimizer")
"""Groups that a change replaces as a whole: entries of the old group would not fit the new one."""


@dataclass(frozen=True)
class Variation:
    """One training: the network, its parameters and its chips.

    Attributes:
        name: Its name, unique in the experiment, and the name of its folder.
        model: The network's name in `sen2naip_sr.models.registry.MODELS`.
        parameters: Of the architecture and the training.
        splits: Which chips train, and which are held out (called validation) and scored during
            and after the training. No test chip is among them.
        tags: What distinguishes it from the others, for instance ``{"fold": "2"}``.
        watched: Chips that are upscaled at every validation, for an animation.
        subspace: Dimension of the random subspace that its weights are trained in; None: all
            weights are trained.
    """

    name: str
    model: str
    parameters: NetworkParameters
    splits: pd.DataFrame
    tags: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[int, ...] = ()
    subspace: int | None = None

    def head(self, fingerprint: str) -> dict[str, Any]:
        """Return what its outcome with this fingerprint begins with."""
        tags = dict(self.tags)
        return {"name": self.name, "model": self.model, "tags": tags, "fingerprint": fingerprint}

    def fingerprint(self, hr: Store, lr: Store, evaluation: EvaluationParameters) -> str:
        """Return a hash of everything that the outcome depends on.

        Raises:
            UserError: If the weights to start from or the imagery of a mixture are missing.
        """
        mixture = self.parameters.training.mixture
        start = starting_weights(self.model, self.parameters)
        return fingerprint_of(
            self.model,
            self.parameters.described(),
            hr.manifest.content,
            lr.attributes["recipe"],
            split_hash(self.splits),
            self.subspace,
            self.watched,
            evaluation.chips,
            start.label if start else None,
            __version__,
            *([imagery_hash(mixture)] if mixture else []),
        )


def varied(parameters: Mapping[str, Any], *changes: Mapping[str, Any]) -> NetworkParameters:
    """Return a network's parameters, nested as in a configuration file, with changes likewise.

    Later changes win. Groups are merged field by field, except those of `REPLACED`.

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
