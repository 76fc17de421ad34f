"""What a network is told about images while it is trained.

At inference, conditions are estimated from the image, or not known at all. A network that has only
seen the truth trusts wrong estimates too much.
"""

import torch

from sen2naip_sr.degradation.draws import Draws
from sen2naip_sr.degradation.parameters import ToldParameters
from sen2naip_sr.degradation.truth import EIGHT_BITS
from sen2naip_sr.models.conditions import BatchConditions


def told(truth: BatchConditions, parameters: ToldParameters, draws: Draws) -> BatchConditions:
    """Return the truth, an estimate of it, or that something is unknown.

    Args:
        truth: The true conditions of B images.
        parameters: The errors of estimates, and shares.
        draws: For B images.
    """
    bands = truth.noise.shape[1]
    size = draws.uniform(1, low=parameters.least_error)
    size = torch.where(draws.chance(parameters.estimated)[:, None], size, 0.0)
    common, own = parameters.blur * draws.normal(1), parameters.band_blur * draws.normal(bands)
    blur = torch.exp(size * (common + own))
    common, own = parameters.noise * draws.normal(1), parameters.band_noise * draws.normal(bands)
    noise = truth.noise * torch.exp(size * (common + own))
    false = draws.normal(bands).abs() * draws.normal(1).abs()
    compression = torch.exp(size[:, 0] * parameters.compression * draws.normal())
    known = ~draws.chance(parameters.unknown)
    overlooked = draws.chance(parameters.overlooked)

    def kept() -> torch.Tensor:
        return known & ~draws.chance(parameters.unknown)

    return BatchConditions(
        noise=noise + size * false * parameters.false_noise / EIGHT_BITS,
        vertical=truth.vertical * blur,
        horizontal=truth.horizontal * blur,
        compression=truth.compression * compression,
        noise_known=truth.noise_known.bool() & kept(),
        blur_known=truth.blur_known.bool() & kept(),
        compression_known=(truth.compression_known.bool() | overlooked) & kept(),
    )
