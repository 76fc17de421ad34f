"""Hyperparameters by their place in a network's parameters, and their ranges."""

import copy
from collections.abc import Mapping
from typing import Any

from optuna.trial import Trial
from pydantic import BaseModel, ValidationError

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.running.held_out import refuse_plateau
from sen2naip_sr.experiments.running.variation import varied
from sen2naip_sr.experiments.tuning.parameters import RangeParameters
from sen2naip_sr.models.networks import architecture_parameters
from sen2naip_sr.parameters import describe_unknown, summarise
from sen2naip_sr.training.parameters import NetworkParameters

Space = Mapping[str, RangeParameters]


def full_parameters(
    model: str, network: Mapping[str, Any], training: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a network's parameters, with changes of the training, with every default written out.

    Raises:
        UserError: If one of them is not valid.
    """
    try:
        full = varied(network, {"training": training}).model_dump(mode="json")
        architecture = architecture_parameters(model).model_validate(full["architecture"])
    except ValidationError as error:
        raise UserError("search-invalid", f"search: {summarise(error)}", "correct it") from error
    return full | {"architecture": architecture.model_dump(mode="json")}


def with_values(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with the named values replaced, and nothing else."""
    changed = copy.deepcopy(dict(parameters))
    for name, value in values.items():
        *groups, last = name.split(".")
        inner = changed
        for group in groups:
            held = inner.get(group)
            # a group that is missing or null starts empty: the rest are defaults
            inner[group] = held if isinstance(held, dict) else {}
            inner = inner[group]
        inner[last] = value
    return changed


def unchecked(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> NetworkParameters:
    """Return the same without validation of the values together; not for training."""
    changed: Any = NetworkParameters.model_validate(parameters)
    for name, value in values.items():
        changed = _put(changed, name.split("."), value)
    return changed


def _put(group: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    if isinstance(group, BaseModel):
        inner = _put(getattr(group, name), rest, value) if rest else value
        return group.model_copy(update={name: inner})
    held = group or {}
    return {**held, name: _put(held.get(name), rest, value) if rest else value}


def held_value(parameters: Mapping[str, Any], name: str) -> Any:
    """Return the value at a place.

    Raises:
        UserError: If there is no such place.
    """
    value: Any = parameters
    for number, part in enumerate(name.split(".")):
        if not isinstance(value, Mapping) or part not in value:
            before = ".".join(name.split(".")[:number])
            known = list(value) if isinstance(value, Mapping) else []
            raise UserError(
                "unknown-parameter",
                f"search space: the network has no parameter '{name}'"
                + (
                    f"; {before or 'it'}: {describe_unknown('parameter', part, known)}"
                    if known
                    else ""
                ),
                "name it with its groups, as the network's parameters do",
            )
        value = value[part]
    return value


def suggest(trial: Trial, name: str, found: RangeParameters) -> Any:
    """Return a hyperparameter's value in a trial; draw it if it has none yet."""
    if found.choices is not None:
        return trial.suggest_categorical(name, found.choices)
    low, high = _typed(found, found.low), _typed(found, found.high)
    if found.whole:
        return trial.suggest_int(name, low, high, log=found.log, step=int(found.step or 1))
    return trial.suggest_float(name, low, high, log=found.log, step=found.step)


def own_values(space: Space, base: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the network's own hyperparameters; None if one lies outside the space."""
    values = {name: held_value(base, name) for name in space}
    inside = all(_contains(found, values[name]) for name, found in space.items())
    return values if inside else None


def check_space(
    space: Space, model: str, base: Mapping[str, Any], confirm: Mapping[str, Any] | None
) -> None:
    """Refuse a space whose values the network cannot be trained or confirmed with.

    Ends and choices are tried one at a time. Values that are invalid only together fail as a trial.

    Raises:
        UserError: If a name is unknown or a value is not valid.
    """
    sizes = [name for name in space if name.startswith("architecture.")]
    if sizes and base["start_from"]:
        raise UserError(
            "architecture-fixed",
            f"search space: '{sizes[0]}' is searched, but the weights that '{model}' starts from "
            "fix it",
            "start from no weights, or take the architecture out of the space",
        )
    for name, found in space.items():
        held_value(base, name)
        for value in found.choices or [_typed(found, found.low), _typed(found, found.high)]:
            if problem := _problem(name, value, model, base):
                raise UserError(
                    "search-space-invalid",
                    f"search space: '{name}': {value!r} is not valid: {problem}",
                    "correct the space",
                )
    if confirm is not None:
        _check_confirmation(space, base, confirm)


def _check_confirmation(space: Space, base: Mapping[str, Any], confirm: Mapping[str, Any]) -> None:
    try:
        confirmed = varied(base, {"training": confirm}).training
    except ValidationError as error:
        raise UserError(
            "confirmation-invalid", f"confirmation: {summarise(error)}", "correct it"
        ) from error
    schedules = space.get("training.schedule.name")
    for schedule in (confirmed.schedule.name, *((schedules and schedules.choices) or [])):
        refuse_plateau(str(schedule))


def _problem(name: str, value: Any, model: str, base: Mapping[str, Any]) -> str | None:
    changed = with_values(base, {name: value})
    try:
        NetworkParameters.model_validate(changed)
        architecture_parameters(model).model_validate(changed["architecture"])
    except ValidationError as error:
        last = name.rpartition(".")[2]
        own = [problem for problem in error.errors() if last in map(str, problem["loc"])]
        return own[0]["msg"].removeprefix("Value error, ") if own else None
    return None


def _typed(found: RangeParameters, end: float | None) -> Any:
    assert end is not None
    return int(end) if found.whole else end


def _contains(found: RangeParameters, value: Any) -> bool:
    if found.choices is not None:
        return value in found.choices
    if not isinstance(value, (int, float)):
        return False
    low, high = _typed(found, found.low), _typed(found, found.high)
    step = found.step or (1 if found.whole else None)
    steps = (value - low) / step if step else 0
    return low <= value <= high and abs(steps - round(steps)) < 1e-8
