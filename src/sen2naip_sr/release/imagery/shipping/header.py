"""Headers of weights tell what made them: nothing is missing, and nothing stands for it."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.release.imagery.packed import read_places
from sen2naip_sr.release.imagery.result import packed_hash, split_hash
from sen2naip_sr.training.mixture.images import location_of
from sen2naip_sr.weights.files import Weights

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HASH = re.compile(r"[0-9a-f]{16}")


def completed(weights: Weights, commit: str | None, packed: Path | None) -> Weights:
    """Fill in what a header lacks. What it holds already must agree.

    Args:
        weights: The weights.
        commit: The commit of the code that trained them.
        packed: The packed imagery that they were trained on.

    Raises:
        UserError: If the header says something else.
    """
    known = weights.metadata
    found: dict[str, str] = {} if commit is None else {"commit": commit}
    if packed is not None:
        found |= _of_imagery(weights, packed)
    for name, value in found.items():
        theirs = getattr(known, name)
        if theirs is not None and _is_whole(name, theirs) and theirs != value:
            raise UserError(
                "header-differs",
                f"{weights.source}: its {name} is {theirs}, not {value}",
                "give what these weights were trained with, or nothing",
            )
    return replace(weights, metadata=known.model_copy(update=found))


def require_whole(weights: Weights) -> None:
    """Check that a header names commit, data, split and parameters of the training.

    Raises:
        UserError: If one is missing or only stands for something.
    """
    known = weights.metadata
    for name in ("commit", "data_hash", "split_hash"):
        value = getattr(known, name)
        if not value or not _is_whole(name, value):
            raise UserError(
                "header-incomplete",
                f"{weights.source}: its {name} is {value or 'missing'}",
                "train in a checkout without changes, or complete the header",
            )
    if known.split_hash != split_hash(known.train_places, _validation(weights)):
        raise UserError(
            "header-differs",
            f"{weights.source}: its split_hash is not that of its places",
            "train again",
        )


def require_unseen(weights: Weights, places: Iterable[str]) -> None:
    """Check that no place is at a location that the weights were trained on, at any date.

    Raises:
        UserError: If one is.
    """
    trained = {location_of(place): place for place in weights.metadata.train_places}
    for place in places:
        if seen := trained.get(location_of(place)):
            raise UserError(
                "test-place-seen",
                f"{weights.source}: trained on {seen}, the same ground as {place}",
                "leave this place out",
            )


def _of_imagery(weights: Weights, packed: Path) -> dict[str, str]:
    known, validation = weights.metadata, _validation(weights)
    places = [place.name for place in read_places(packed) if place.location != validation]
    if sorted(places) != sorted(known.train_places):
        raise UserError(
            "header-differs",
            f"{packed}: holds {', '.join(sorted(places))} to train on, and the weights were "
            f"trained on {', '.join(sorted(known.train_places))}",
            "give the packed imagery that they were trained on",
        )
    return {"data_hash": packed_hash(packed), "split_hash": split_hash(places, validation)}


def _validation(weights: Weights) -> str:
    """Return the location of validation. Other parameters may be of another version."""
    found = weights.metadata.training.get("validation")
    if not isinstance(found, str):
        raise UserError(
            "header-incomplete",
            f"{weights.source}: its parameters do not name the location of validation",
            "give weights that were trained on varied imagery",
        )
    return found


def _is_whole(name: str, value: str) -> bool:
    return bool((_COMMIT if name == "commit" else _HASH).fullmatch(value))
