"""Wiring of labelling."""

from kedro.pipeline import Node, Pipeline

from sen2naip_sr.pipelines.grouping import grouped
from sen2naip_sr.pipelines.labelling import nodes

TASKS = ["label_tasks", "label_interface", "label_key", "label_images"]


def create_tasks() -> Pipeline:
    """Return the pipeline that makes tasks of scored methods."""
    return grouped(
        "labelling",
        [
            Node(
                nodes.make_tasks,
                ["methods", "scores", "hr", "lr", "params:labels"],
                TASKS,
                name="make_tasks",
            ),
            Node(
                nodes.send_tasks,
                ["label_tasks", "label_interface", "labels.folder", "params:labels"],
                None,
                name="send_tasks",
            ),
        ],
        tags="labelling",
    )


def create_results() -> Pipeline:
    """Return the pipeline that reads what people said."""
    return grouped(
        "labelling",
        [
            Node(
                nodes.read_results,
                ["labels.folder", "params:labels"],
                ["labels.table", "labels.findings", "labels.figure", "bad_chips"],
                name="read_results",
            )
        ],
        tags="labelling",
    )
