"""Points for the intrinsic dimension of a network's last features."""

import numpy as np
import torch
from torch import Tensor, nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.patches import PatchPositions
from sen2naip_sr.inference.predict import normalised


@torch.no_grad()
def last_features(
    model: nn.Module,
    lr: ShardedArray,
    positions: PatchPositions,
    value_range: tuple[float, float],
    device: torch.device,
) -> Array:
    """Return a network's features just before its last convolution, at the patches' centres.

    If the network works at high resolution there, the first high-resolution pixel of the
    low-resolution pixel is taken. The network, in eval mode on ``device``, is applied to whole
    chips (n, C, h, w) of digital numbers. The features are (N, channels), float32.

    Raises:
        UserError: If the network has no convolution.
    """
    rows, columns = (at + positions.side // 2 for at in (positions.rows, positions.columns))
    found: dict[int, Array] = {}
    for chip in np.unique(positions.chips):
        here = np.flatnonzero(positions.chips == chip)
        features = before_last_convolution(model, normalised(lr[chip][None], value_range, device))
        # a U-Net pads its features at the right and at the bottom: whole times only
        scale = features.shape[2] // lr.shape[2]
        values = features[0][:, scale * rows[here], scale * columns[here]].T.float().cpu().numpy()
        found |= dict(zip(here.tolist(), values, strict=True))
    return np.stack([found[number] for number in range(len(rows))])


def before_last_convolution(model: nn.Module, image: Tensor) -> Tensor:
    """Return the input (B, channels, H, W) of the last convolution that runs, for (B, C, h, w).

    Raises:
        UserError: If no `torch.nn.Conv2d` runs.
    """
    given: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # each convolution's input replaces the one before, so that the last one's remains
        given[:] = [inputs[0]]

    hooks = [
        module.register_forward_pre_hook(keep)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        model(image)
    finally:
        for hook in hooks:
            hook.remove()
    if not given:
        raise UserError(
            "no-convolution",
            f"a {type(model).__name__} has no convolution whose input could be looked at",
            "take a network with weights, not an interpolation",
        )
    return given[0]
