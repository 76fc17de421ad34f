"""A run in TensorBoard: event files in a folder of its own, and copies of the run's files."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sen2naip_sr.tracking.trackers.parameters import TrackerName


class InTensorBoard:
    """Records a run as TensorBoard's event files.

    Numbers are kept as float64, as MLflow has them.

    Args:
        folder: The run's folder. TensorBoard shows all runs of the folder above it.
    """

    name: TrackerName = "tensorboard"

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._folder = folder
        self._writer: Any = SummaryWriter(str(folder))
        self._parameters: dict[str, Any] = {}

    def scalars(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; without a step they are those of step 0."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step or 0, new_style=True, double_precision=True)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters: one table of all, which grows."""
        self._parameters |= values
        rows = [f"| {name} | {value} |" for name, value in sorted(self._parameters.items())]
        table = "\n".join(["| parameter | value |", "| --- | --- |", *rows])
        self._writer.add_text("parameters", table, len(self._parameters))

    def figure(self, name: str, file: Path) -> None:
        """Record a figure as an image."""
        from matplotlib.image import imread

        image = np.asarray(imread(file))[..., :3]
        self._writer.add_image(f"figures/{name}", image, 0, dataformats="HWC")

    def artifact(self, file: Path, folder: str) -> None:
        """Copy a file beside the event files: TensorBoard shows none."""
        target = self._folder / "files" / folder
        target.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target / file.name, dirs_exist_ok=True)
        else:
            shutil.copy(file, target)

    def close(self, failed: bool = False) -> None:
        """Write what is left."""
        self._writer.close()

    def where(self) -> str:
        """Return the command that shows all runs."""
        return f"TensorBoard: tensorboard --logdir {self._folder.parent}"
