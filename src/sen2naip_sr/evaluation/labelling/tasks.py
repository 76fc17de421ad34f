"""Which chips are compared by which methods, on which side, in which order."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.labelling.parameters import LabelParameters
from sen2naip_sr.metrics.catalogue import METRICS, OPTIONAL, TRACKED

SIDES = ("left", "right")


@dataclass(frozen=True)
class Task:
    """One comparison.

    Attributes:
        number: Its number, in the order in which it is asked.
        chip: The chip.
        left: The method on the left.
        right: The method on the right.
        repeats: The task that it repeats, with sides drawn anew; None: it is asked once.
    """

    number: int
    chip: int
    left: str
    right: str
    repeats: int | None = None


def draw_tasks(
    chips: Sequence[int], methods: Sequence[str], parameters: LabelParameters
) -> list[Task]:
    """Return the tasks: every pair of methods as often as any other, each chip likewise.

    Raises:
        UserError: If there are fewer than two methods, or no chip.
    """
    if len(methods) < 2 or not chips:
        raise UserError(
            "labels-need-two-methods",
            f"{len(methods)} methods and {len(chips)} chips give nothing to compare",
            "name two methods or more that are scored",
        )
    random = np.random.default_rng(parameters.seed)
    pairs = list(combinations(methods, 2))
    combined = [(chip, pair) for pair in pairs for chip in chips]
    order = random.permutation(len(combined))
    # by turns of the pairs, so that any number of tasks has all pairs equally often
    queues = {pair: [combined[k] for k in order if combined[k][1] == pair] for pair in pairs}
    chosen = [queues[pairs[k % len(pairs)]] for k in range(parameters.tasks)]
    drawn = [queue.pop() for queue in chosen if queue]
    twice = round(parameters.duplicates * len(drawn))
    again = random.choice(len(drawn), size=twice, replace=False)
    asked = [(k, k) for k in random.permutation(len(drawn))]
    # repeated in the second half, so that the first answer is not remembered
    for k in again:
        asked.insert(int(random.integers(len(asked) // 2, len(asked) + 1)), (int(k), -1))
    return _numbered(drawn, asked, random)


def _numbered(
    drawn: list[tuple[int, tuple[str, str]]],
    asked: list[tuple[int, int]],
    random: np.random.Generator,
) -> list[Task]:
    found: list[Task] = []
    first: dict[int, int] = {}
    for number, (k, _) in enumerate(asked, 1):
        chip, pair = drawn[k]
        left, right = pair if random.random() < 0.5 else pair[::-1]
        found.append(Task(number, chip, left, right, first.get(k)))
        first.setdefault(k, number)
    return found


def study_of(tasks: Sequence[Task], content: str) -> str:
    """Return the id of a set of tasks, which every task carries: a hash of them and the data."""
    return hashlib.sha256(f"{content}{tasks}".encode()).hexdigest()[:16]


def image_name(study: str, number: int, side: str) -> str:
    """Return the file name of an image, which says nothing of the method."""
    return f"{study[:6]}_{number:04d}_{side}"


def task_list(tasks: Sequence[Task], study: str, parameters: LabelParameters) -> list[dict]:
    """Return the tasks as Label Studio imports them: images only, and no method's name."""
    sides = SIDES if parameters.reference == "none" else (*SIDES, "reference")

    def address(task: Task, side: str) -> str:
        return f"{parameters.images}{image_name(study, task.number, side)}.png"

    return [
        {
            "data": {
                "task": task.number,
                "study": study,
                **{side: address(task, side) for side in sides},
            }
        }
        for task in tasks
    ]


def key_of(
    tasks: Sequence[Task], study: str, scores: pd.DataFrame, index: pd.DataFrame
) -> pd.DataFrame:
    """Return what the tasks hide, one row each: methods, chip, and the scores of both sides."""
    metrics = {*TRACKED, *OPTIONAL}
    kept = [name for name in scores.columns if name in metrics or name not in _NOT_METRICS]
    whole = scores[scores["band"] == ALL_BANDS].set_index(["chip", "method"])[kept]
    about = index.set_index("chip")
    rows = []
    for task in tasks:
        row: dict[str, object] = {
            "task": task.number,
            "study": study,
            "chip": task.chip,
            "repeats": task.repeats,
            "left": task.left,
            "right": task.right,
            **{name: about.loc[task.chip, name] for name in ("file", "row", "column", "digest")},
        }
        for side in SIDES:
            values: Mapping = dict(whole.loc[(task.chip, getattr(task, side))])
            row |= {f"{name}.{side}": value for name, value in values.items()}
        rows.append(row)
    return pd.DataFrame(rows).astype({"repeats": "Int64"})


_NOT_METRICS = {"method", "trained", "origin", "chip", "place", "location", "band", *METRICS}
