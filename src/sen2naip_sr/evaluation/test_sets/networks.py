"""The networks that are scored: trained here, shipped, given by their files, and peers."""

from collections.abc import Mapping

import pandas as pd

from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import REFERENCES, noted
from sen2naip_sr.evaluation.methods import Method, variants
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.peers import peers
from sen2naip_sr.evaluation.seen import origin_of
from sen2naip_sr.models.registry import MODELS, get_spec
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.finding import find_named


def chosen(
    parameters: EvaluationParameters, weights: Mapping[str, Weights | None]
) -> dict[str, Weights]:
    """Return those of the networks' weights that are to be scored."""
    p = parameters
    return {
        name: found
        for name, found in weights.items()
        if found is not None
        and (p.shipped or not found.shipped)
        and (p.networks is None or name in p.networks)
    }


def given(parameters: EvaluationParameters) -> dict[str, Weights]:
    """Return the weights that are given by their files, or as shipped ones by their names.

    Raises:
        UserError: If a file is missing or damaged, or if a name is taken.
    """
    p = parameters
    for name in (*p.weights, *p.peers):
        if name in (*MODELS, *REFERENCES) or (name in p.weights and name in p.peers):
            raise UserError(
                "method-name-taken",
                f"'{name}' is the name of two methods",
                "give weights files and networks of other projects names of their own",
            )
    return {name: find_named(file) for name, file in p.weights.items()}


def all_networks(
    parameters: EvaluationParameters,
    weights: Mapping[str, Weights | None],
    hr: Store | None = None,
    splits: pd.DataFrame | None = None,
) -> list[Method]:
    """Return every network with weights, and the peers.

    Args:
        parameters: Which networks, and what they are told.
        weights: The weights of the project's networks by their names.
        hr: HR chips of this run; None: it has none.
        splits: Their splits.
    """
    p, methods = parameters, []
    found = [(name, get_spec(name).title, own) for name, own in chosen(p, weights).items()]
    found += [(name, name, own) for name, own in given(p).items()]
    anew = any(own.new for _, _, own in found)
    for name, title, own in found:
        origin = origin_of(own, hr, splits, anew=anew)
        methods += variants(name, noted(title, origin), own, p.told, origin)
    return methods + peers(p.peers)
