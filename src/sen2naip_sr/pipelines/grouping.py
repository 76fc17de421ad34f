"""The boxes that Kedro-Viz collapses pipelines to."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline


def grouped(namespace: str, nodes: Iterable[Node], tags: str | Iterable[str]) -> Pipeline:
    """Return a pipeline that Kedro-Viz shows as one box, until it is expanded.

    The nodes are called ``<namespace>.<node>``. Datasets and parameters keep their names, which
    other pipelines, the catalog and users know.
    """
    return Pipeline(nodes, tags=tags, namespace=namespace, prefix_datasets_with_namespace=False)
