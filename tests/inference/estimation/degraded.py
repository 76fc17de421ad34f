"""Low-resolution images whose noise and blur are known."""

import numpy as np
import torch

from sen2naip_sr.degradation.blur import blur_matrices, decimation_matrices, downscaled, widths
from sen2naip_sr.degradation.compression import jpeg, table_scale
from sen2naip_sr.landscape.generator import STYLES, landscape, vary


def landscapes(count=4, size=256):
    """HR chips of the project's sample: (count, 4, size, size), float32."""
    chips = [landscape((5, k), vary(STYLES[k % len(STYLES)], (5, k)), size) for k in range(count)]
    return torch.from_numpy(np.stack(chips)).float()


def degraded(hr, *, blur=0.0, noise=0.0, quality=None, colour=False, decimation=0):
    """Return LR and its width.

    Args:
        hr: (n, 4, 2h, 2w), from 0 to 255.
        blur: Standard deviation in HR pixels before the decimation.
        noise: Standard deviation of each band, or of all, in digital numbers.
        quality: JPEG's; None: not compressed.
        colour: Whether JPEG compresses luminance and chrominance.
        decimation: Index of `DECIMATIONS`.

    Returns:
        LR (n, 4, h, w), uint8, and its blur in LR pixels.
    """
    size = hr.shape[-1]
    matrix = decimation_matrices(size)[decimation]
    if blur:
        matrix = matrix @ blur_matrices(torch.tensor(float(blur)), size)
    levels = torch.as_tensor(noise, dtype=torch.float32).expand(4)[:, None, None]
    lr = downscaled(hr, matrix[None, None], matrix[None, None])
    lr = lr + levels * torch.randn(lr.shape, generator=torch.Generator().manual_seed(0))
    lr = lr.round().clamp(0, 255)
    if quality is not None:
        scale = torch.full((len(lr),), table_scale(quality))
        lr = jpeg(lr, scale, torch.full((len(lr),), colour))
    return lr.byte().numpy(), float(widths(matrix))


def mosaic(chips):
    """Return four chips (4, C, h, w) as one image (C, 2h, 2w)."""
    return np.concatenate(
        [np.concatenate(list(pair), axis=-1) for pair in (chips[:2], chips[2:])], axis=-2
    )
