"""The angle between the spectra of prediction and truth."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.losses import Loss, Setting, pairwise

ANGLE_EPSILON = 1e-3


def build(setting: Setting) -> Loss:
    """Return the loss `spectral_angle_loss`.

    Raises:
        UserError: If the images have a single band.
    """
    if setting.bands < 2:
        raise UserError(
            "loss-needs-bands",
            "the loss 'sam' is the angle between spectra, and the images have one band",
            "leave out the loss 'sam'",
        )
    return pairwise(spectral_angle_loss)(setting)


def spectral_angle_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean angle between the spectra of the pixels, in radians.

    The spectral angle of Kruse et al. 1993, doi:10.1016/0034-4257(93)90013-N, by Kahan's formula
    ``2 atan2(|u - v|, |u + v|)`` of the unit vectors ``u`` and ``v``: unlike the arc cosine it
    has a finite gradient everywhere and keeps its digits near 0.

    Both spectra get one more band of the constant 0.001. This defines the angle of a black pixel
    (0 to another black pixel, near 90 degrees to any other) and bounds its gradient by 1000
    divided by the number of pixels. Angles up to 90 degrees between spectra longer than 0.25
    change by at most 0.004. The images are (B, C, H, W), float, in [0, 1], C of 2 or more.
    """
    unit = [
        F.normalize(F.pad(image, (0, 0, 0, 0, 0, 1), value=ANGLE_EPSILON), dim=1)
        for image in (prediction, truth)
    ]
    apart = torch.linalg.vector_norm(unit[0] - unit[1], dim=1)
    together = torch.linalg.vector_norm(unit[0] + unit[1], dim=1)
    return 2 * torch.atan2(apart, together).mean()
