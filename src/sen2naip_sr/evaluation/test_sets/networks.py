"""The networks that are scored: trained here, shipped, given by their files, and peers."""

from collections.abc import Mapping
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import REFERENCES
from sen2naip_sr.evaluation.methods import Method, variants
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.peers import peers
from sen2naip_sr.models.registry import MODELS, get_spec
from sen2naip_sr.weights.files import Weights, load_weights


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
    """Return the weights that are given by their files.

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
    return {name: load_weights(Path(file)) for name, file in p.weights.items()}


def all_networks(
    parameters: EvaluationParameters, weights: Mapping[str, Weights | None]
) -> list[Method]:
    """Return every network with weights, and the peers."""
    p, methods = parameters, []
    for name, found in chosen(p, weights).items():
        methods += variants(name, get_spec(name).title, found, p.told)
    for name, found in given(p).items():
        methods += variants(name, name, found, p.told)
    return methods + peers(p.peers)
