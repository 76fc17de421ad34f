"""Tasks, their key and exports, as Label Studio writes them."""

import numpy as np
import pandas as pd

from sen2naip_sr.evaluation.labelling.parameters import LabelParameters
from sen2naip_sr.evaluation.labelling.tasks import draw_tasks, key_of, study_of

METHODS = ("carn", "lanczos", "lean")
CHIPS = list(range(8))
PSNR = {"carn": 34.0, "lean": 33.0, "lanczos": 31.0}


def make_scores():
    """Return scores in which carn is better than lean, and both than lanczos."""
    rows = [
        {
            "method": method,
            "chip": chip,
            "band": "all",
            "psnr": PSNR[method] + 0.1 * chip,
            "lpips": far,
        }
        for method, far in zip(METHODS, (0.3, 0.2, 0.1), strict=True)
        for chip in CHIPS
    ]
    return pd.DataFrame(rows)


def make_index():
    return pd.DataFrame(
        {
            "chip": CHIPS,
            "file": [f"{chip}.tif" for chip in CHIPS],
            "row": 0,
            "column": 0,
            "digest": [f"{chip:032x}" for chip in CHIPS],
        }
    )


def make_tasks(**changes):
    """Return parameters, tasks, study and key."""
    parameters = LabelParameters(tasks=24, duplicates=0.25, **changes)
    tasks = draw_tasks(CHIPS, METHODS, parameters)
    study = study_of(tasks, "content")
    return parameters, tasks, study, key_of(tasks, study, make_scores(), make_index())


def answer(side=None, otherwise=None, flags=(), bad=False):
    """Return the result of an annotation, as the page of Label Studio sends it."""
    result = []
    if side:
        result.append({"from_name": "preference", "type": "pairwise", "value": {"selected": side}})
    if otherwise:
        result.append(
            {"from_name": "otherwise", "type": "choices", "value": {"choices": [otherwise]}}
        )
    if flags:
        result.append(
            {"from_name": "flags_left", "type": "choices", "value": {"choices": list(flags)}}
        )
    if bad:
        result.append(
            {"from_name": "imagery", "type": "choices", "value": {"choices": ["bad imagery"]}}
        )
    return result


def exported(study, answers):
    """Return an export: (task, person, result) each."""
    found = {}
    for task, person, result in answers:
        entry = found.setdefault(
            task, {"id": 100 + task, "data": {"task": task, "study": study}, "annotations": []}
        )
        entry["annotations"].append(
            {"completed_by": person, "was_cancelled": False, "result": result}
        )
    return list(found.values())


def honest(tasks, study, people=(1, 2), seed=0):
    """Return the export of people who prefer what has the higher PSNR, nine times of ten."""
    random = np.random.default_rng(seed)
    said = []
    for task in tasks:
        better = "left" if PSNR[task.left] > PSNR[task.right] else "right"
        for person in people:
            side = better if random.random() < 0.9 else {"left": "right", "right": "left"}[better]
            said.append((task.number, person, answer(side)))
    return exported(study, said)
