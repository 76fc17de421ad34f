"""How MLflow opens the models that it holds: a safetensors file becomes a network, no pickle.

MLflow finds `_load_pyfunc` by the name of this module in the model's file ``MLmodel``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sen2naip_sr.arrays import Array
    from sen2naip_sr.upscaling.model import Model


class Upscaling:
    """A model of MLflow: arrays in, arrays with half the pixel size out."""

    def __init__(self, model: "Model") -> None:
        self._model = model

    def predict(self, images: "Array", params: dict[str, Any] | None = None) -> "Array":
        """Upscale images.

        Args:
            images: (B, bands, h, w), digital numbers of the dtype of the training imagery.
            params: Not used; MLflow hands it over.

        Returns:
            (B, bands, 2h, 2w), of the same dtype; see `sen2naip_sr.upscaling.model.Model.upscale`.
        """
        return np.stack([self._model.upscale(image).values for image in images])


def _load_pyfunc(path: str) -> Upscaling:
    import sen2naip_sr

    return Upscaling(sen2naip_sr.load_model(Path(path), device="cpu"))
