"""The catalog's dataset for animations."""

from collections.abc import Sequence
from typing import Any, NoReturn

from kedro.io import DatasetError

from sen2naip_sr.arrays import Array
from sen2naip_sr.datasets.file_dataset import FileDataset
from sen2naip_sr.files import replacing


class AnimationDataset(FileDataset[Sequence[Array], NoReturn]):
    """Writes images (h, w, 3), uint8, as an animated GIF that pauses at its end.

    Example:
        .. code-block:: yaml

            overfit.animation:
              type: sen2naip_sr.datasets.AnimationDataset
              filepath: data/08_reporting/overfit.gif

    Args:
        filepath: The GIF.
        milliseconds: How long each image is shown.
        metadata: Anything, for plugins.
    """

    def __init__(
        self, *, filepath: str, milliseconds: int = 150, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._milliseconds = milliseconds

    def load(self) -> NoReturn:
        """Refuse: a GIF has fewer colours than the images it was made from."""
        raise DatasetError(f"{self._filepath}: animations are only written")

    def save(self, data: Sequence[Array]) -> None:
        """Write the GIF atomically."""
        from PIL import Image

        # one palette for all images: with a palette each, colours would flicker
        palette = Image.fromarray(data[-1]).quantize(256)
        images = [Image.fromarray(image).quantize(palette=palette) for image in data]
        durations = [self._milliseconds] * (len(images) - 1) + [2000]
        with replacing(self._filepath) as hidden:
            images[0].save(
                hidden,
                format="GIF",
                save_all=True,
                append_images=images[1:],
                duration=durations,
                loop=0,
            )
