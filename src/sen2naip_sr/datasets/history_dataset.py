"""The catalog's dataset for the histories of trainings."""

import pandas as pd

from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.datasets.previews import NO_IMAGE, ImagePreview, image_of_figure
from sen2naip_sr.files import write_atomically


class HistoryDataset(FileDataset[pd.DataFrame, pd.DataFrame]):
    """A CSV file with the metrics of a training by step; Kedro-Viz shows it as curves.

    Example:
        .. code-block:: yaml

            "{model}.history":
              type: sen2naip_sr.datasets.HistoryDataset
              filepath: data/06_models/{model}/history.csv
    """

    def load(self) -> pd.DataFrame:
        """Read the table."""
        return pd.read_csv(self._filepath)

    def save(self, data: pd.DataFrame) -> None:
        """Write the table atomically."""
        write_atomically(self._filepath, data.to_csv(index=False).encode())

    def preview(self) -> ImagePreview:
        """Return the curves as a picture; nothing if there was no training."""
        # importing matplotlib takes time, which commands that show nothing save
        from sen2naip_sr.evaluation.figures.history import draw_history

        if not self._filepath.is_file():
            return NO_IMAGE
        return image_of_figure(draw_history(pd.read_csv(self._filepath)))
