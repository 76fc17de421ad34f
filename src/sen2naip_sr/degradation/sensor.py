"""Random sensors, and what they make of HR.

A sensor blurs (its point spread function), decimates, adds noise, quantises, and its provider
compresses. Nothing here waits for the device: it can be part of a captured CUDA graph.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sen2naip_sr.degradation.blur import blur_matrices, decimation_matrices, downscaled, widths
from sen2naip_sr.degradation.compression import BLOCK, jpeg, shifted_grid, table_scale, wavelet
from sen2naip_sr.degradation.draws import Draws, expanded
from sen2naip_sr.degradation.parameters import SensorParameters
from sen2naip_sr.degradation.truth import EIGHT_BITS
from sen2naip_sr.models.conditions import BatchConditions

_DARKEST = 1e-3
"""Signal of an image's band below which shot noise grows no further, relative to the range."""


@dataclass(frozen=True)
class Sensors:
    """The sensors of a batch of images, as tensors on one device.

    Attributes:
        decimation: (B,), positions in `sen2naip_sr.degradation.blur.DECIMATIONS`.
        vertical: (B, C), width of the Gaussian down the columns, in HR pixels. 0: no blur.
        horizontal: (B, C), the same along the rows.
        noise: (B, C), standard deviation at the band's mean signal, as a share of the range.
        shot: (B,), the part of the variance that is proportional to the signal.
        levels: (B,), the largest digital number.
        deep: (B,), whether the sensor has more than 8 bits and knows values above the range.
        table: (B,), `sen2naip_sr.degradation.compression.table_scale` of JPEG. 0: none.
        colour: (B,), whether JPEG makes luminance and chrominance.
        step: (B,), quantiser step of the wavelets in digital numbers. 0: none.
    """

    decimation: Tensor
    vertical: Tensor
    horizontal: Tensor
    noise: Tensor
    shot: Tensor
    levels: Tensor
    deep: Tensor
    table: Tensor
    colour: Tensor
    step: Tensor


def draw_sensors(parameters: SensorParameters, deep: Tensor, bands: int, draws: Draws) -> Sensors:
    """Draw a sensor for each image.

    Args:
        parameters: The shares and ranges.
        deep: (B,), whether the image has more than 8 bits.
        bands: C.
        draws: For B images.
    """
    degraded = ~draws.chance(parameters.clean)
    vertical, horizontal = _blur(parameters, degraded, bands, draws)
    noise, shot = _noise(parameters, degraded, deep, bands, draws)
    table, step = _compression(parameters, degraded & ~deep, draws)
    return Sensors(
        decimation=torch.where(degraded, draws.choice(parameters.decimations), 0),
        vertical=vertical,
        horizontal=horizontal,
        noise=noise,
        shot=shot,
        levels=_levels(parameters, degraded, deep, draws),
        deep=deep,
        table=table,
        colour=draws.chance(parameters.colour),
        step=step,
    )


def observe(hr: Tensor, sensors: Sensors, draws: Draws) -> tuple[Tensor, BatchConditions]:
    """Return LR and its true conditions.

    Args:
        hr: (B, C, 2h, 2w), values in [0, 1]; h and w are multiples of 8.
        sensors: One for each image.
        draws: For B images: noise, and where the blocks of JPEG begin.

    Returns:
        LR (B, C, h, w), from 0 on, and to 1 for 8-bit sensors. The compression of images that
        wavelets compressed is not known: conditions describe JPEG alone.
    """
    down = _axis(sensors.decimation, sensors.vertical, hr.shape[-2])
    along = _axis(sensors.decimation, sensors.horizontal, hr.shape[-1])
    signal = _with_noise(downscaled(hr, down, along), sensors, draws)
    known = torch.ones_like(sensors.table, dtype=torch.bool)
    conditions = BatchConditions(
        noise=sensors.noise,
        vertical=widths(down),
        horizontal=widths(along),
        compression=sensors.table,
        noise_known=known,
        blur_known=known,
        compression_known=sensors.step == 0,
    )
    return _compressed(_quantised(signal, sensors), sensors, draws), conditions


def _blur(
    parameters: SensorParameters, degraded: Tensor, bands: int, draws: Draws
) -> tuple[Tensor, Tensor]:
    low, high = parameters.blur
    width = low + (high - low) * draws.uniform(1) ** parameters.blur_power
    width = torch.where((degraded & draws.chance(parameters.blurred))[:, None], width, 0.0)
    ratio = draws.log_normal(parameters.anisotropic, parameters.anisotropy, 1)
    width = width * draws.log_normal(parameters.band_blurs, parameters.band_blur, bands)
    return width * ratio, width / ratio


def _noise(
    parameters: SensorParameters, degraded: Tensor, deep: Tensor, bands: int, draws: Draws
) -> tuple[Tensor, Tensor]:
    low, high = parameters.noise
    level = draws.log_uniform(1, low=low, high=high) / EIGHT_BITS
    level = level * draws.log_normal(parameters.band_noises, parameters.band_noise, bands)
    level = torch.where(deep[:, None], parameters.deep_noise * level, level)
    noisy = degraded & draws.chance(parameters.noisy)
    shot = torch.where(draws.chance(parameters.shot), draws.uniform(), 0.0)
    return torch.where(noisy[:, None], level, 0.0), shot


def _levels(parameters: SensorParameters, degraded: Tensor, deep: Tensor, draws: Draws) -> Tensor:
    chosen = draws.index(len(parameters.depths))
    levels = torch.zeros_like(chosen, dtype=torch.float32)
    for k, depth in enumerate(parameters.depths):
        levels = torch.where(chosen == k, float(depth), levels)
    deeper = degraded & draws.chance(parameters.deeper)
    levels = torch.where(deeper, levels, float(EIGHT_BITS))
    # deep imagery keeps its depth: its truth has it too
    return torch.where(deep, float(max(parameters.depths)), levels)


def _compression(
    parameters: SensorParameters, possible: Tensor, draws: Draws
) -> tuple[Tensor, Tensor]:
    compressed = possible & draws.chance(parameters.compressed)
    wavelets = draws.chance(parameters.wavelets)
    worst, best = (table_scale(quality) for quality in parameters.quality)
    table = worst + (best - worst) * draws.uniform() ** parameters.quality_power
    finest, coarsest = parameters.steps
    step = draws.log_uniform(low=finest, high=coarsest)
    return (
        torch.where(compressed & ~wavelets, table, 0.0),
        torch.where(compressed & wavelets, step, 0.0),
    )


def _axis(decimation: Tensor, sigma: Tensor, size: int) -> Tensor:
    chosen = decimation_matrices(size, sigma.device)[decimation]
    return chosen[:, None] @ blur_matrices(sigma, size)


def _with_noise(signal: Tensor, sensors: Sensors, draws: Draws) -> Tensor:
    mean = signal.mean((2, 3), keepdim=True).clamp(min=_DARKEST)
    shot = expanded(sensors.shot, signal)
    variance = 1 - shot + shot * signal.clamp(min=0) / mean
    noise = draws.normal(*signal.shape[1:]) * variance.sqrt()
    return signal + noise * sensors.noise[..., None, None]


def _quantised(signal: Tensor, sensors: Sensors) -> Tensor:
    deep, levels = (expanded(values, signal) for values in (sensors.deep, sensors.levels))
    limited = torch.where(deep, signal.clamp(min=0), signal.clamp(0, 1))
    return (limited * levels).round() / levels


def _compressed(lr: Tensor, sensors: Sensors, draws: Draws) -> Tensor:
    numbers = (lr.clamp(0, 1) * EIGHT_BITS).round()
    # one grid for the whole batch: what repeats in a batch changes from batch to batch
    down, right = Draws(2, draws.generator).index(BLOCK).split(1)

    def by_jpeg(values: Tensor) -> Tensor:
        return jpeg(values, sensors.table, sensors.colour)

    def by_wavelets(values: Tensor) -> Tensor:
        return wavelet(values, sensors.step.clamp(min=1e-3))

    for used, compress in ((sensors.table, by_jpeg), (sensors.step, by_wavelets)):
        left = shifted_grid(compress, numbers, down, right) / EIGHT_BITS
        lr = torch.where(expanded(used > 0, lr), left, lr)
    return lr
