"""Local attribution maps: which input values make the detail in a window of the result.

Gu and Dong 2021, "Interpreting Super-Resolution Networks with Local Attribution Maps",
https://arxiv.org/abs/2011.11036. Integrated gradients (Sundararajan et al. 2017,
https://arxiv.org/abs/1703.01365) of a detector of detail, along a path from the blurred image to
the image itself. What differs from the authors' code:

- gradients are taken in the middle of each step rather than at its end, so that their sum equals
  the detector's difference between both ends of the path with a much smaller error;
- the path is cut to the window and what the network sees around it: every other attribution is
  zero, so the result is that of the whole image;
- the detector's root has a small addend, since its gradient is not finite in flat areas.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sen2naip_sr.explain.blur import Blur
from sen2naip_sr.explain.windows import Window

Detector = Callable[[Tensor], Tensor]
"""Maps results (B, C, H, W) to what is explained of each, (B, K)."""

BATCH = 10
"""Steps that are computed at once."""
_SMALL = 1e-12


def blurred(image: Tensor, sigma: float, kernel: int) -> Tensor:
    """Blur an image with a Gaussian; its border is mirrored.

    Args:
        image: (C, h, w), float, larger than half of the kernel.
        sigma: Standard deviation in pixels; 0: the image itself.
        kernel: Side of the kernel, odd.
    """
    if sigma <= 0:
        return image
    reach = kernel // 2
    offsets = torch.arange(-reach, reach + 1, dtype=image.dtype)
    weights = torch.exp(-offsets.square() / (2 * sigma**2))
    weights /= weights.sum()
    padded = F.pad(image[:, None], 4 * (reach,), mode="reflect")
    rows = F.conv2d(padded, weights.view(1, 1, -1, 1))
    return F.conv2d(rows, weights.view(1, 1, 1, -1))[:, 0]


def blur_path(image: Tensor, steps: int, sigma: float, kernel: int) -> Tensor:
    """Return the path (steps + 1, C, h, w), float64, from the blurred image to the image.

    The blur's standard deviation falls from ``sigma`` to 0 in equal steps.

    Args:
        image: (C, h, w), values in [0, 1].
        steps: Steps between images.
        sigma: Of the strongest blur, in pixels.
        kernel: Side of the blur's kernel, odd.
    """
    whole = image.double()
    return torch.stack(
        [blurred(whole, sigma * (1 - step / steps), kernel) for step in range(steps + 1)]
    )


def local_path(image: Tensor, window: Window, reach: int, steps: int, blur: Blur) -> Tensor:
    """Return the path of a window and its surroundings, as cut from that of the whole image.

    Args:
        image: (C, h, w), values in [0, 1].
        window: The window.
        reach: LR pixels around it to keep, all inside the image.
        steps: Steps between images.
        blur: The strongest blur.

    Returns:
        (steps + 1, C, height + 2 reach, width + 2 reach), float64.
    """
    margin = blur.kernel // 2
    rows, columns = window.around(reach)
    top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
    near = image[..., top : rows.stop + margin, left : columns.stop + margin]
    path = blur_path(near, steps, blur.sigma, blur.kernel)
    return window.moved(top, left).cut(path, reach)


def detail(result: Tensor) -> Tensor:
    """Return the detail of results (B, C, H, W) in each band, (B, C): the sum of the gradients."""
    corner = result[..., :-1, :-1]
    down, right = result[..., 1:, :-1] - corner, result[..., :-1, 1:] - corner
    return (down.square() + right.square() + _SMALL).sqrt().sum(dim=(-2, -1))


def all_detail(result: Tensor) -> Tensor:
    """Return the detail of results (B, C, H, W) in all bands together, (B, 1)."""
    return detail(result).sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class Attribution:
    """What each input value contributes to each target.

    Attributes:
        values: (K, C, h, w), float64; their sum over an image is close to ``change``.
        change: (K,), float64: each target at the end of the path minus that at its start.
    """

    values: Tensor
    change: Tensor

    @property
    def completeness_error(self) -> float:
        """How far the attributions of all targets miss the change, as a share of it."""
        change = float(self.change.sum())
        missed = abs(float(self.values.sum()) - change)
        return missed / abs(change) if change else float(missed > 0)


def integrate(network: nn.Module, path: Tensor, detect: Detector) -> Attribution:
    """Integrate the gradients of targets along a path.

    Args:
        network: Maps (B, C, h, w) to the result of a window inside; its weights need no gradient.
        path: (n + 1, C, h, w).
        detect: The targets of a result.

    Returns:
        The attributions, exact but for the finite number of steps.
    """
    steps = path.diff(dim=0)
    middles = ((path[1:] + path[:-1]) / 2).float()
    total: Tensor | None = None
    for first in range(0, len(steps), BATCH):
        part = slice(first, first + BATCH)
        images = middles[part].contiguous(memory_format=torch.channels_last).requires_grad_(True)
        targets = detect(network(images))
        count = targets.shape[1]
        gradients = torch.stack(
            [
                torch.autograd.grad(targets[:, k].sum(), images, retain_graph=k + 1 < count)[0]
                for k in range(count)
            ]
        )
        share = (gradients.double() * steps[part]).sum(dim=1)
        total = share if total is None else total + share
    if total is None:
        raise ValueError("a path has at least one step")
    with torch.no_grad():
        start, end = (detect(network(image[None].float()))[0].double() for image in path[[0, -1]])
    return Attribution(total, end - start)
