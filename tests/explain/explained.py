"""What the tests of explanations share: small networks, and an image with something in it."""

from functools import partial

import numpy as np
import torch
from skimage.filters import gaussian

from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.explain.chips import downscaled
from sen2naip_sr.explain.explanation import Image
from sen2naip_sr.explain.subjects import subject_of
from sen2naip_sr.models.registry import build_model

RECIPE = get_recipe("bicubic_antialiased")


def ground(side, seed=0):
    """Return an HR image (4, side, side), uint8: smooth noise with straight edges."""
    random = np.random.default_rng(seed)
    bands = np.stack([gaussian(random.normal(size=(side, side)), 2) for _ in range(4)])
    edges = np.zeros((side, side))
    edges[side // 3 : side // 2] = 0.2
    edges[:, side // 2 : side // 2 + 7] -= 0.3
    return (128 + 300 * (0.3 * bands + 0.7 * bands[:1] + edges)).clip(0, 255).astype(np.uint8)


def image(side=96, truth=True):
    """Return an image to explain, side / 2 LR pixels a side."""
    hr = ground(side)
    small = downscaled(RECIPE, hr.astype(np.float64)).round().clip(0, 255).astype(np.uint8)
    return Image(
        name="made",
        lr=small,
        value_range=(0.0, 255.0),
        downscale=partial(downscaled, RECIPE),
        bands=("Red", "Green", "Blue", "NIR"),
        truth=hr if truth else None,
        pixel_metres=1.2,
    )


def small_lean(seed=0, **size):
    """Return a small Lean with random weights as a subject."""
    torch.manual_seed(seed)
    model = build_model("lean", 4, **{"channels": 8, "blocks": 2} | size).eval()
    torch.nn.init.normal_(model.exit.weight, std=0.05)
    return subject_of("lean", "Lean", model, 4)
