"""The trackers that a run asks for."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from sen2naip_sr.tracking.trackers.parameters import MLFLOW
from sen2naip_sr.tracking.trackers.tracker import Tracker, Trackers


def open_trackers(
    names: Sequence[str], folder: Path, run_name: str, kind: str, mlflow_run: str | None
) -> Trackers:
    """Begin a run in every tracker.

    Args:
        names: Values of `sen2naip_sr.tracking.trackers.parameters.NAMES`.
        folder: Where the trackers other than MLflow keep their runs, each in a folder of its name.
        run_name: The run's name.
        kind: What the run does, a value of `sen2naip_sr.tracking.naming.KINDS`.
        mlflow_run: The active run of MLflow; None: there is none.

    Raises:
        UserError: If a tracker's package is not installed.
    """
    found: list[Tracker] = []
    if MLFLOW in names and mlflow_run is not None:
        from sen2naip_sr.tracking.trackers.in_mlflow import InMLflow

        found.append(InMLflow(mlflow_run))
    if "tensorboard" in names:
        from sen2naip_sr.tracking.trackers.in_tensorboard import InTensorBoard

        label = re.sub(r"[^\w.=+-]+", "_", run_name).strip("_")
        began = time.strftime("%Y-%m-%d_%H-%M-%S")
        found.append(InTensorBoard(folder / "tensorboard" / f"{label}_{began}"))
    if "wandb" in names:
        from sen2naip_sr.tracking.trackers.in_wandb import InWandB

        found.append(InWandB(folder, run_name, kind))
    return Trackers(found)
