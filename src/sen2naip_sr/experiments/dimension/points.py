"""Points for the intrinsic dimension: from training chips, and of known dimension as a check."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch import nn

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import TRAIN, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.experiments.dimension.estimators import Estimate, estimate_dimension
from sen2naip_sr.experiments.dimension.features import last_features
from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters
from sen2naip_sr.experiments.dimension.patches import draw_positions, lr_patches, residual_patches

SPHERES = (5, 20)
"""Dimensions of the spheres that the estimators are checked on: they recover the first, and are too
low for the second."""
CHECK = "check: sphere of {} dimensions"


def estimate_kinds(
    parameters: IntrinsicDimensionParameters,
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    network: nn.Module,
) -> dict[str, list[Estimate]]:
    """Estimate the dimension of LR patches, residuals, features, and of spheres as a check.

    Only training chips without invalid pixels are used. The network, whose last features are taken,
    is in eval mode, on the CPU. The estimates stand by the kind of points.

    Raises:
        UserError: If chips are too small or too few for so many points.
    """
    p = parameters
    training = splits.loc[splits["split"] == TRAIN, "chip"].to_numpy()
    chips = spread(hr.whole(training), p.chips)
    low, high = hr.attributes["value_range"]
    sides = sorted(set(p.patch_sides))
    drawn = {side: draw_positions(lr.chips, chips, p.patches, side, p.seed) for side in sides}
    kinds: dict[str, tuple[Array, Array | None]] = {
        f"LR patches, {side} x {side}": (lr_patches(lr.chips, at, (low, high)), at.chips)
        for side, at in drawn.items()
    }
    at = drawn[sides[0]]
    size = 2 * at.side
    residuals = residual_patches(lr.chips, hr.chips, at, (low, high))
    kinds[f"HR minus bicubic, {size} x {size}"] = residuals, at.chips
    features = last_features(network, lr.chips, at, (low, high), torch.device("cpu"))
    kinds["last features"] = features, at.chips
    for dimension in SPHERES:
        kinds[CHECK.format(dimension)] = sphere(dimension, p.patches, p.seed), None
    return {
        kind: estimate_dimension(
            points, neighbours=p.neighbours, groups=p.subsamples, chips=origins, seed=p.seed
        )
        for kind, (points, origins) in kinds.items()
    }


def sphere(dimension: int, points: int, seed: int) -> Array:
    """Return points (points, dimension + 1), uniformly distributed on a sphere."""
    drawn = np.random.default_rng(seed).normal(size=(points, dimension + 1))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def tabulate_estimates(estimates: Mapping[str, Sequence[Estimate]]) -> pd.DataFrame:
    """Return a row for each kind of points and estimator, with the columns of `Estimate`."""
    rows = [
        {"kind": kind, **asdict(estimate)}
        for kind, found in estimates.items()
        for estimate in found
    ]
    return pd.DataFrame(rows)
