"""A run in Weights & Biases: offline, unless the environment says otherwise."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sen2naip_sr.tracking.trackers.parameters import TrackerName

PROJECT = "sen2naip_sr"
STEP = "step"


class InWandB:
    """Records a run of Weights & Biases.

    Nothing leaves the machine in the mode ``offline``, which is the default: the variable
    ``WANDB_MODE`` chooses another.

    Args:
        folder: The folder of all runs; each makes one below ``wandb/``.
        run_name: The run's name.
        kind: What the run does; runs are grouped by it.
    """

    name: TrackerName = "wandb"

    def __init__(self, folder: Path, run_name: str, kind: str) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=PROJECT,
            name=run_name,
            group=kind,
            dir=folder,
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]
            settings=wandb.Settings(
                silent=True, console="off", save_code=False, disable_code=True, x_disable_meta=True
            ),
        )
        # two trainings in one run have steps of their own
        self._run.define_metric("*", step_metric=STEP)
        self._folder = Path(self._run.dir)

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; without a step they are results of the run, in its summary."""
        if step is None:
            self._run.summary.update(dict(values))
        else:
            self._run.log({**values, STEP: step})

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters in the run's configuration."""
        self._run.config.update(dict(values), allow_val_change=True)

    def figure(self, name: str, file: Path) -> None:
        """Record a figure as an image."""
        import wandb

        self._run.log({f"figures/{name}": wandb.Image(str(file))})

    def artifact(self, file: Path, folder: str) -> None:
        """Record a copy of a file: the original may change before it is uploaded."""
        target = self._folder / folder
        target.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target / file.name, dirs_exist_ok=True)
        else:
            shutil.copy(file, target)
        self._run.save(str(target / file.name), base_path=self._folder, policy="now")

    def close(self, failed: bool = False) -> None:
        """End the run."""
        self._run.finish(exit_code=int(failed))

    def where(self) -> str:
        """Return the run's page, or what uploads it."""
        if self._run.offline:
            return f"Weights & Biases: wandb sync {self._folder.parent}"
        return f"Weights & Biases: {self._run.url}"
