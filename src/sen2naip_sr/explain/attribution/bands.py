"""Which band of the input feeds which band of the result, by land cover."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.explain.attribution.measures import band_shares
from sen2naip_sr.explain.attribution.path import detail, integrate, local_path
from sen2naip_sr.explain.land_cover import CLASSES
from sen2naip_sr.explain.parameters import AttributionParameters
from sen2naip_sr.explain.windows import Window, most_detailed_window


@dataclass(frozen=True)
class BandMatrix:
    """Shares of the input's bands in each band of the result, at one window.

    Attributes:
        land_cover: The class that most of the window's pixels have; "" where it is not known.
        window: The window.
        shares: (C in, C out); columns sum to 1.
    """

    land_cover: str
    window: Window
    shares: Array


def windows_by_class(
    image: Array, classes: Array | None, main: Window, reach: int, multiple: int
) -> dict[str, Window]:
    """Return the main window, and the most detailed window of every other class that has one.

    Args:
        image: (C, h, w).
        classes: (h, w), indices of `CLASSES`; None: not known.
        main: The window that is explained.
        reach: LR pixels around a window that have to lie in the image.
        multiple: Windows begin at multiples of so many pixels.

    Returns:
        The windows by their class, the main one first; "" where the class is not known.
    """
    if classes is None:
        return {"": main}
    own = np.bincount(classes[main.around(0)].ravel(), minlength=len(CLASSES)).argmax()
    windows = {CLASSES[own]: main}
    for number, name in enumerate(CLASSES):
        if number != own:
            mask = classes == number
            found = most_detailed_window(image, main.height, reach, multiple, mask)
            if found is not None:
                windows[name] = found
    return windows


def band_matrix(
    module: nn.Module, image: Tensor, window: Window, reach: int, parameters: AttributionParameters
) -> Array:
    """Return the matrix of shares (C in, C out) at a window of an image.

    Args:
        module: Maps the window and its surroundings to the result of the window.
        image: (C, h, w), in [0, 1].
        window: The window.
        reach: LR pixels around it that the network sees.
        parameters: The path.
    """
    p = parameters
    path = local_path(image, window, reach, p.band_steps, p.blur)
    return band_shares(integrate(module, path, detail).values.numpy())
