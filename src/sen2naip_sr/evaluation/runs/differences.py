"""Which parameters of compared runs differ."""

from collections.abc import Mapping, Sequence

import pandas as pd

from sen2naip_sr.evaluation.runs.methods import RunMethod
from sen2naip_sr.models.networks import NETWORKS

PARAMETER = "parameter"
UNSET = "-"
TRAINING = "training"
NOT_RECORDED = "not recorded"
_NOT_OF_SCORES = ("comparing", "runs", "upscaling")
_NULL = ("None", "null", "")
_COMMIT = "git_commit"
_COMMIT_LENGTH = 12


def differing_parameters(methods: Sequence[RunMethod]) -> pd.DataFrame:
    """Return the parameters whose values differ.

    Groups of parameters (``training``, ``ingestion``...) that a run does not record are left out:
    runs that scored, that trained, and variations of experiments record different ones.

    Args:
        methods: The compared methods, labelled.

    Returns:
        One row for each parameter: column parameter, and one column of texts for each label, "-"
        where it is unset. Parameters of the own network are without its name. If a network's run
        does not record its training, a last row ``training`` says so.
    """
    settings = {one.label: _settings(one) for one in methods}
    groups = [{_group(name) for name in values} for values in settings.values()]
    shared = set.intersection(*groups) if groups else set()
    names = dict.fromkeys(name for values in settings.values() for name in values)
    rows = []
    for name in names:
        values = {label: own.get(name, UNSET) for label, own in settings.items()}
        if _group(name) in shared and len(set(values.values())) > 1:
            rows.append({PARAMETER: name, **values})
    if unknown := _training_recorded(methods):
        rows.append({PARAMETER: TRAINING, **unknown})
    return pd.DataFrame(rows, columns=[PARAMETER, *settings]).astype(object)


def _training_recorded(methods: Sequence[RunMethod]) -> dict[str, str]:
    """Return whether each run records how its network was trained; {} if all do."""
    found = {}
    for one in methods:
        known = any(_group(name) == TRAINING for name in _settings(one))
        found[one.label] = "recorded" if known else NOT_RECORDED
        if _network(one.method) not in NETWORKS:
            found[one.label] = UNSET
    return found if NOT_RECORDED in found.values() else {}


def _settings(one: RunMethod) -> dict[str, str]:
    network = _network(one.method)
    found = {"model": one.method} | _parameters(one.run.params, network)
    if _COMMIT in one.run.tags:
        found[_COMMIT] = one.run.tags[_COMMIT][:_COMMIT_LENGTH]
    return found


def _parameters(params: Mapping[str, str], network: str) -> dict[str, str]:
    found = {}
    for path, value in sorted(params.items()):
        first, _, rest = path.partition(".")
        foreign = first != network and first in NETWORKS
        if foreign or first in _NOT_OF_SCORES or value in _NULL:
            continue
        found[rest if first == network and rest else path] = value
    return found


def _network(method: str) -> str:
    return method.partition(",")[0]


def _group(name: str) -> str:
    return name.partition(".")[0]
