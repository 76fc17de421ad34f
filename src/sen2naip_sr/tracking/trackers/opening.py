"""The trackers that a run asks for."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.tracking.trackers.parameters import MLFLOW, TrackerName
from sen2naip_sr.tracking.trackers.tracker import Tracker, Trackers

logger = logging.getLogger(__name__)


def require_packages(names: Sequence[TrackerName]) -> None:
    """Check that the packages of trackers are installed.

    Raises:
        UserError: If one is not.
    """
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise UserError(
            "trackers-package-missing",
            f"{', '.join(missing)}: not installed",
            "install it, or leave out the tracker",
        )


def open_trackers(
    names: Sequence[TrackerName], folder: Path, run_name: str, kind: str, mlflow_run: str | None
) -> Trackers:
    """Begin a run in every tracker. One that fails is left out with a warning, as in the run.

    Args:
        names: Which trackers.
        folder: Where the trackers other than MLflow keep their runs, each in a folder of its name.
        run_name: The run's name.
        kind: What the run does, a value of `sen2naip_sr.tracking.naming.KINDS`.
        mlflow_run: The active run of MLflow; None: there is none.
    """

    def tensorboard() -> Tracker:
        from sen2naip_sr.tracking.trackers.in_tensorboard import InTensorBoard

        label = re.sub(r"[^\w.=+-]+", "_", run_name).strip("_")
        began = time.strftime("%Y-%m-%d_%H-%M-%S")
        return InTensorBoard(folder / "tensorboard" / f"{label}_{began}")

    def wandb() -> Tracker:
        from sen2naip_sr.tracking.trackers.in_wandb import InWandB

        return InWandB(folder, run_name, kind)

    openers: dict[TrackerName, Callable[[], Tracker]] = {"tensorboard": tensorboard, "wandb": wandb}
    found: list[Tracker] = []
    if MLFLOW in names and mlflow_run is not None:
        from sen2naip_sr.tracking.trackers.in_mlflow import InMLflow

        found.append(InMLflow(mlflow_run))
    for name in names:
        if name not in openers:
            continue
        try:
            found.append(openers[name]())
        except Exception as error:
            logger.warning("%s cannot record this run, which continues: %s", name, error)
    return Trackers(found)
