"""The catalog's dataset for figures."""

from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import DatasetError

from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.datasets.previews import NO_IMAGE, ImagePreview, image_of
from sen2naip_sr.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class FigureDataset(FileDataset["Figure", NoReturn]):
    """Writes a matplotlib figure as PNG and shows it in Kedro-Viz.

    The dataset of kedro-datasets imports matplotlib, which slows down every command that builds
    the catalog. This one does not.

    Example:
        .. code-block:: yaml

            comparison_figure:
              type: sen2naip_sr.datasets.FigureDataset
              filepath: data/08_reporting/comparison.png
              dpi: 120

    Args:
        filepath: The PNG.
        dpi: Pixels per inch.
        metadata: Anything, for plugins.
    """

    def __init__(
        self, *, filepath: str, dpi: int = 120, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._dpi = dpi

    def load(self) -> NoReturn:
        """Refuse: a PNG cannot be turned back into a figure."""
        raise DatasetError(f"{self._filepath}: figures are only written")

    def save(self, data: "Figure") -> None:
        """Write the PNG atomically."""
        with replacing(self._filepath) as hidden:
            data.savefig(hidden, dpi=self._dpi, format="png")

    def preview(self) -> ImagePreview:
        """Return the PNG for Kedro-Viz; nothing if it is not made."""
        return image_of(self._filepath.read_bytes()) if self._filepath.is_file() else NO_IMAGE

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "dpi": self._dpi}
