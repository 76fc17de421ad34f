"""The catalog's dataset for files of any format that are made elsewhere."""

from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.files import write_atomically


class BytesDataset(FileDataset[bytes, bytes]):
    """A file as bytes, such as a PDF.

    Example:
        .. code-block:: yaml

            report:
              type: sen2naip_sr.datasets.BytesDataset
              filepath: data/08_reporting/report.pdf
    """

    def load(self) -> bytes:
        """Read the file."""
        return self._filepath.read_bytes()

    def save(self, data: bytes) -> None:
        """Write the file atomically."""
        write_atomically(self._filepath, data)
