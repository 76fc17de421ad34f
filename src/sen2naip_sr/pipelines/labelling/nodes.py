"""Nodes of labelling.

Heavy imports are inside the functions, because listing pipelines needs none of them.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sen2naip_sr.chips.store import Store
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.labelling.parameters import LabelParameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from sen2naip_sr.evaluation.methods import Method
else:  # Kedro evaluates the nodes' hints, which must not cost an import of torch
    DataFrame = Figure = Method = Any

PROJECT = "project.txt"
"""The file beside the tasks with the number of the project that they were sent to."""

logger = logging.getLogger(__name__)


def make_tasks(
    methods: list[Method], scores: DataFrame, hr: Store, lr: Store, parameters: LabelParameters
) -> tuple[list[Any], str, DataFrame, dict[str, bytes]]:
    """Return the tasks, the interface, what the tasks hide, and their images by name."""
    from sen2naip_sr.evaluation.comparison import best_interpolation
    from sen2naip_sr.evaluation.figures.examples import make_examples
    from sen2naip_sr.evaluation.labelling import tasks as drawing
    from sen2naip_sr.evaluation.labelling.interface import interface
    from sen2naip_sr.evaluation.labelling.pictures import picture

    p, scored = parameters, set(scores["method"])
    usual = [method.name for method in methods if method.trained and method.name in scored]
    names = p.methods or [*usual, best_interpolation(scores)]
    if missing := set(names) - scored:
        raise UserError(
            "labels-need-two-methods",
            f"{', '.join(sorted(missing))}: not scored",
            f"name some of: {', '.join(sorted(scored))}",
        )
    tasks = drawing.draw_tasks(sorted(scores["chip"].unique()), names, p)
    study = drawing.study_of(tasks, hr.manifest.content)
    images = {}
    for chip in sorted({task.chip for task in tasks}):
        (example,) = make_examples([chip], names, methods, hr, lr)
        shown = dict(zip(names, example.upscaled, strict=True))
        small = example.lr.repeat(2, axis=1).repeat(2, axis=2)
        reference = example.truth if p.reference == "hr" else small
        for task in (one for one in tasks if one.chip == chip):
            for side, image in (
                ("left", shown[task.left]),
                ("right", shown[task.right]),
                *[("reference", reference)] * (p.reference != "none"),
            ):
                name = drawing.image_name(study, task.number, side)
                images[name] = picture(image, example.truth, p.enlarge)
    key = drawing.key_of(tasks, study, scores, hr.table("index"))
    shown_above = p.reference != "none"
    return drawing.task_list(tasks, study, p), interface(shown_above), key, images


def send_tasks(tasks: list[Any], interface: str, folder: Path, parameters: LabelParameters) -> None:
    """Import the tasks into a Label Studio, if one is given."""
    if parameters.server is None:
        logger.info("%d tasks in %s, to import into Label Studio", len(tasks), folder)
        return
    from sen2naip_sr.evaluation.labelling.server import LabelStudio
    from sen2naip_sr.files import write_atomically

    server = LabelStudio(parameters.server)
    project = server.create(interface, tasks, parameters.storage)
    write_atomically(folder / PROJECT, f"{project}\n".encode())
    logger.info("%d tasks: %s/projects/%d", len(tasks), parameters.server, project)


def read_results(
    folder: Path, parameters: LabelParameters
) -> tuple[DataFrame, str, Figure, DataFrame]:
    """Return strengths, findings and their figure, and the chips that were flagged as bad."""
    import pandas as pd

    from sen2naip_sr.evaluation.labelling import answers, results

    key_file = folder / "key.csv"
    if not key_file.is_file():
        raise UserError(
            "label-tasks-missing",
            f"{folder}: there are no tasks",
            "make tasks and label them first",
        )
    key = pd.read_csv(key_file, dtype={"study": str, "digest": str}).astype({"repeats": "Int64"})
    said = answers.answers_in(_export(folder, parameters), key)
    table = results.table_of(said, results.strengths_of(said, parameters.confidence))
    findings = results.findings_of(said, table, len(key), parameters.confidence)
    return table, findings, results.draw_strengths(table), results.bad_chips(said)


def _export(folder: Path, parameters: LabelParameters) -> list[Any]:
    from sen2naip_sr.evaluation.labelling.answers import read_export
    from sen2naip_sr.evaluation.labelling.server import LabelStudio

    if parameters.export is not None:
        return read_export(Path(parameters.export))
    project = folder / PROJECT
    if parameters.server is None or not project.is_file():
        raise UserError(
            "labels-missing", "no export is given", "export the project and give the file"
        )
    return LabelStudio(parameters.server).tasks(int(project.read_text()))
