"""The checks of what a command is asked to run: pipelines, nodes, tags, datasets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kedro.pipeline import Pipeline

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown

DEFAULT = "__default__"

Names = Callable[[Pipeline], Iterable[str]]


def _nodes(pipeline: Pipeline) -> Iterable[str]:
    return (node.name for node in pipeline.nodes)


def _tags(pipeline: Pipeline) -> Iterable[str]:
    return (tag for node in pipeline.nodes for tag in node.tags)


def _datasets(pipeline: Pipeline) -> Iterable[str]:
    return pipeline.datasets()


def _namespaces(pipeline: Pipeline) -> Iterable[str]:
    return (name for node in pipeline.nodes for name in node.namespace_prefixes)


SELECTIONS: dict[str, tuple[str, Names]] = {
    "node_names": ("node", _nodes),
    "from_nodes": ("node", _nodes),
    "to_nodes": ("node", _nodes),
    "from_inputs": ("dataset", _datasets),
    "to_outputs": ("dataset", _datasets),
    "tags": ("tag", _tags),
    "namespaces": ("namespace", _namespaces),
}
"""By Kedro's name of an option: the kind of thing that it names, and where the names are."""


def asked_pipelines(options: Mapping[str, Any]) -> list[str]:
    """Return the pipelines that the options of a command name, which differ by command."""
    asked = [options.get("pipelines"), options.get("pipeline")]
    return [
        name for names in asked if names for name in ([names] if isinstance(names, str) else names)
    ]


def check_pipelines(asked: Sequence[str], known: Sequence[str]) -> None:
    """Check the names of pipelines.

    Raises:
        UserError: If there is no such pipeline. The message names the nearest one.
    """
    for name in asked:
        if name not in known:
            raise UserError(
                "unknown-pipeline",
                describe_unknown("pipeline", name, list(known)),
                "choose one of the valid names",
            )


def check_selection(options: Mapping[str, Any], known: Mapping[str, Pipeline]) -> None:
    """Check the names of pipelines, nodes, tags and datasets, and that they leave a node to run.

    Args:
        options: The options of a command, by Kedro's names. Others are ignored.
        known: All pipelines by name.

    Raises:
        UserError: If there is no such name in these pipelines, or nothing is left.
    """
    asked = asked_pipelines(options)
    check_pipelines(asked, list(known))
    given = {option: list(options[option]) for option in SELECTIONS if options.get(option)}
    if not given:
        return
    pipeline: Pipeline = sum((known[name] for name in asked or [DEFAULT]), Pipeline([]))
    for option, names in given.items():
        kind, of = SELECTIONS[option]
        for name in names:
            if name not in set(of(pipeline)):
                raise _unknown(kind, name, of, pipeline, known)
    _require_nodes(given, pipeline)


def check_versions(versions: Mapping[str, str] | None) -> None:
    """Refuse versions of datasets: none has several, and Kedro would ignore what is asked for.

    Raises:
        UserError: If there are any.
    """
    for name, version in (versions or {}).items():
        raise UserError(
            "no-versions",
            f"'{name}' is to be loaded in version '{version}', but no dataset is kept in versions",
            "leave the version out; MLflow keeps the results of every run",
        )


def _unknown(
    kind: str, name: str, of: Names, pipeline: Pipeline, known: Mapping[str, Pipeline]
) -> UserError:
    """Return the error of a name that is not in the pipeline, though perhaps in others."""
    elsewhere = sorted(other for other, nodes in known.items() if name in set(of(nodes)))
    if elsewhere:
        return UserError(
            "not-in-pipeline",
            f"the {kind} '{name}' is not in the pipelines of this run, but in: "
            f"{', '.join(elsewhere)}",
            "run one of these pipelines",
        )
    return UserError(
        "unknown-name",
        describe_unknown(kind, name, sorted(set(of(pipeline)))),
        "choose one of the valid names",
    )


def _require_nodes(given: Mapping[str, Sequence[str]], pipeline: Pipeline) -> None:
    renamed = {"namespaces": "node_namespaces"}
    try:
        pipeline.filter(**{renamed.get(option, option): names for option, names in given.items()})
    except ValueError as error:
        asked = "; ".join(f"{option}: {', '.join(names)}" for option, names in given.items())
        raise UserError(
            "nothing-selected",
            f"no node has all that is asked for ({asked})",
            "ask for less at once",
        ) from error
