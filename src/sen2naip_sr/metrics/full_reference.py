"""Full-reference scores of super-resolved chips against their ground truth.

All scores are taken on digital numbers and computed in float64: the variances inside SSIM and
UIQI are differences of large numbers and lose their digits in float32. SSIM, MS-SSIM and UIQI
use only windows that lie wholly inside the image, as their authors do, so no padding enters a
score. torchmetrics mirrors the border in SSIM instead, uses a Gaussian window with a stabilising
constant in UIQI, and takes a hundred times as long in float64.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

PSNR_CAP = 100.0
"""Highest PSNR in dB. Identical images have none; a finite value keeps means finite. An error
at the cap is 1e-5 of the data range, below one step of 16-bit data."""

SHAVE = 4
"""HR pixels at each border that the protocol leaves out of every score."""

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
UIQI_WINDOW = 8

# Below this share of the squares a variance is the rounding of floating-point data. That of whole
# numbers of up to 16 bits is exact, and larger wherever it is not zero.
_FLAT = 1e-13


@dataclass(frozen=True)
class Metric:
    """How a metric is shown and compared.

    Args:
        title: Short name for tables and figures.
        unit: Empty for a pure number; ``DN`` are digital numbers.
        higher_is_better: Whether a larger value means a better prediction.
    """

    title: str
    unit: str
    higher_is_better: bool


METRICS: Mapping[str, Metric] = {
    "psnr": Metric("PSNR", "dB", True),
    "ssim": Metric("SSIM", "", True),
    "ms_ssim": Metric("MS-SSIM", "", True),
    "rmse": Metric("RMSE", "DN", False),
    "sam": Metric("SAM", "°", False),
    "ergas": Metric("ERGAS", "", False),
    "uiqi": Metric("UIQI", "", True),
}
"""The metrics of `score`, in the order in which tables show them."""


@dataclass(frozen=True)
class Scores:
    """Scores of a batch, float64.

    Args:
        chip: Over all bands jointly: every name that was asked for to a tensor (B,).
        band: Of each band: the same but ``sam`` (one band has no angle) to a tensor (B, C).
    """

    chip: dict[str, Tensor]
    band: dict[str, Tensor]


def score(  # noqa: PLR0913 - the last four are keywords
    prediction: Tensor,
    truth: Tensor,
    *,
    data_range: float,
    shave: int = SHAVE,
    ratio: int = 2,
    only: Collection[str] = tuple(METRICS),
) -> Scores:
    """Score predictions against the truth, jointly over the bands and for each band.

    The caller has already clipped and rounded the predictions as they would be stored. Every
    pixel counts: chips with invalid pixels are not for this function, and NaN stays NaN.

    - ``psnr`` in dB, from the mean squared error over all bands, at most `PSNR_CAP`;
    - ``ssim``: Wang et al. 2004, doi:10.1109/TIP.2003.819861, eq. 13, Gaussian window of 11 x 11
      and sigma 1.5. Over all bands: the mean of the bands;
    - ``ms_ssim``: Wang, Simoncelli and Bovik 2003, doi:10.1109/ACSSC.2003.1292216, eq. 7, five
      scales; negative terms count as 0. Over all bands: the mean of the bands;
    - ``rmse`` in digital numbers;
    - ``sam``: spectral angle (Yuhas et al. 1992), mean over pixels, in degrees from 0 to 180. A
      pixel that is zero in all bands of one image only counts as 90, in both images as 0. NaN
      for one band;
    - ``ergas``: Wald 2000, ``100 h/l sqrt(mean_b (rmse_b / mean_b)^2)`` with the truth's band
      means and ``h/l = 1/ratio`` of the pixel sizes. NaN where a band of the truth has mean 0;
    - ``uiqi``: Wang and Bovik 2002, doi:10.1109/97.995823, 8 x 8 windows at every pixel; where
      both images are flat, only the means are compared. Over all bands: the mean of the bands.

    A score whose window does not fit into the shaved image is NaN: ``ssim`` below 11 pixels,
    ``uiqi`` below 8 and ``ms_ssim`` below 176, where its coarsest scale is below 11.

    Args:
        prediction: (B, C, H, W), digital numbers.
        truth: The same shape, digital numbers.
        data_range: Largest minus smallest possible digital number (255 for 8 bits).
        shave: Pixels left out on each side before anything is computed.
        ratio: Pixel size of the low resolution over that of the high resolution.
        only: Names of `METRICS`. ``ssim``, ``ms_ssim`` and ``uiqi`` take nearly all of the time.

    Returns:
        The scores, on the device of the inputs, which has to know float64.

    Raises:
        ValueError: If the shapes differ or are not four-dimensional, if nothing is left after
            shaving, or if ``data_range`` or ``ratio`` is not positive or ``shave`` is negative.
    """
    _check(prediction, truth, data_range, shave, ratio)
    height, width = truth.shape[-2:]
    inner = (..., slice(shave, height - shave), slice(shave, width - shave))
    x, y = prediction[inner].double(), truth[inner].double()
    # One chip at a time: the intermediate images take many times its memory.
    bands = [_score_bands(p, t, data_range, ratio, only) for p, t in zip(x, y, strict=True)]
    band = {name: torch.stack([each[name] for each in bands]) for name in bands[0]}
    jointly: dict[str, Callable[[], Tensor]] = {
        "psnr": lambda: psnr(x, y, data_range),
        "rmse": lambda: band["rmse"].square().mean(dim=1).sqrt(),
        "sam": lambda: _spectral_angle(x, y),
        "ergas": lambda: band["ergas"].square().mean(dim=1).sqrt(),
    }
    return Scores(
        {
            name: jointly[name]() if name in jointly else band[name].mean(dim=1)
            for name in METRICS
            if name in only
        },
        band,
    )


def psnr(prediction: Tensor, truth: Tensor, data_range: float) -> Tensor:
    """Return the peak signal-to-noise ratio (B,) over all bands, dB, at most `PSNR_CAP`.

    Args:
        prediction: (B, C, H, W), digital numbers, of any float dtype: the one computed in.
        truth: The same shape, dtype and device.
        data_range: Largest minus smallest possible digital number.
    """
    mse = (prediction - truth).square().mean(dim=(1, 2, 3))
    return (10 * torch.log10(data_range**2 / mse)).clamp(max=PSNR_CAP)


def _check(prediction: Tensor, truth: Tensor, data_range: float, shave: int, ratio: int) -> None:
    if prediction.shape != truth.shape or truth.dim() != 4:
        raise ValueError(
            "prediction and truth must both be (B, C, H, W): "
            f"got {tuple(prediction.shape)} and {tuple(truth.shape)}"
        )
    if truth.numel() == 0:
        raise ValueError(f"there is nothing to score in images of shape {tuple(truth.shape)}")
    if not (data_range > 0 and math.isfinite(data_range)):
        raise ValueError(f"data_range must be positive and finite: got {data_range}")
    if ratio <= 0:
        raise ValueError(f"ratio must be positive: got {ratio}")
    height, width = truth.shape[-2:]
    if shave < 0 or 2 * shave >= min(height, width):
        raise ValueError(
            f"shave must be 0 or more and leave pixels: got {shave} for {height} x {width} images"
        )


def _score_bands(
    prediction: Tensor, truth: Tensor, data_range: float, ratio: int, only: Collection[str]
) -> dict[str, Tensor]:
    """Return the scores (C,) of each band of one chip (C, H, W)."""
    mse = (prediction - truth).square().mean(dim=(-2, -1))
    mean = truth.mean(dim=(-2, -1))
    ergas = 100 / ratio * mse.sqrt() / mean.abs()
    scores = {
        "psnr": psnr(prediction.unsqueeze(1), truth.unsqueeze(1), data_range),
        "rmse": mse.sqrt(),
        "ergas": torch.where(mean == 0, torch.nan, ergas),
    }
    if "ssim" in only or "ms_ssim" in only:
        scales = len(MS_SSIM_WEIGHTS) if "ms_ssim" in only else 1
        similarities = _structural_similarities(prediction, truth, data_range, scales)
        scores |= dict(zip(("ssim", "ms_ssim"), similarities, strict=True))
    if "uiqi" in only:
        scores["uiqi"] = _quality_index(prediction, truth)
    return {name: scores[name] for name in METRICS if name in only and name in scores}


def _spectral_angle(prediction: Tensor, truth: Tensor) -> Tensor:
    """Return the mean angle (B,) in degrees between the spectra of (B, C, H, W)."""
    if truth.shape[1] == 1:
        return torch.full_like(truth[:, 0, 0, 0], torch.nan)
    dot = (prediction * truth).sum(dim=1)
    squares = prediction.square().sum(dim=1), truth.square().sum(dim=1)
    # Lagrange's identity: unlike the arc cosine, exactly 0 for equal spectra.
    cross = (squares[0] * squares[1] - dot.square()).clamp(min=0).sqrt()
    degrees = torch.rad2deg(torch.atan2(cross, dot))
    one_is_zero = (squares[0] == 0) != (squares[1] == 0)
    return torch.where(one_is_zero, 90.0, degrees).mean(dim=(-2, -1))


def _structural_similarities(
    prediction: Tensor, truth: Tensor, data_range: float, scales: int
) -> tuple[Tensor, Tensor]:
    """Return SSIM and MS-SSIM (C,) of (C, H, W); NaN where the window or a scale is missing."""
    terms: list[tuple[Tensor, Tensor]] = []
    while len(terms) < scales and min(truth.shape[-2:]) >= SSIM_WINDOW:
        terms.append(ssim_terms(prediction, truth, data_range))
        prediction, truth = avg_pool2d(prediction, 2), avg_pool2d(truth, 2)
    undefined = truth.new_full(truth.shape[:1], torch.nan)
    ssim = terms[0][0] if terms else undefined
    if len(terms) < len(MS_SSIM_WEIGHTS):
        return ssim, undefined
    factors = torch.stack([*(contrast for _, contrast in terms[:-1]), terms[-1][0]])
    weights = factors.new_tensor(MS_SSIM_WEIGHTS).unsqueeze(1)
    return ssim, (factors.clamp(min=0) ** weights).prod(dim=0)


def ssim_terms(x: Tensor, y: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Return the means (C,) of SSIM and of its contrast-structure term over (C, H, W)."""
    c1, c2 = (SSIM_K1 * data_range) ** 2, (SSIM_K2 * data_range) ** 2
    mean_x, mean_y, squares, product = _gaussian_means(_moments(x, y))
    means_product, means_squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    contrast = (2 * (product - means_product) + c2) / (squares - means_squares + c2)
    luminance = (2 * means_product + c1) / (means_squares + c1)
    return (luminance * contrast).mean(dim=(-2, -1)), contrast.mean(dim=(-2, -1))


def _quality_index(x: Tensor, y: Tensor) -> Tensor:
    """Return UIQI (C,) of (C, H, W); NaN where the window does not fit."""
    if min(y.shape[-2:]) < UIQI_WINDOW:
        return y.new_full(y.shape[:1], torch.nan)
    pixels = UIQI_WINDOW**2
    sum_x, sum_y, squares, product = _window_sums(_moments(x, y))
    sums_product, sums_squares = sum_x * sum_y, sum_x.square() + sum_y.square()
    spread = pixels * squares - sums_squares
    structure = 2 * (pixels * product - sums_product) / spread
    structure = torch.where(spread <= _FLAT * pixels * squares, 1.0, structure)
    luminance = torch.where(sums_squares == 0, 1.0, 2 * sums_product / sums_squares)
    return (structure * luminance).mean(dim=(-2, -1))


def _moments(x: Tensor, y: Tensor) -> Tensor:
    """Return x, y, x² + y² and xy (4, C, H, W): all that both similarity indices need."""
    return torch.stack((x, y, x.square() + y.square(), x * y))


def _gaussian_means(images: Tensor) -> Tensor:
    """Return weighted means over the windows of SSIM. Shifted sums outrun a convolution here."""
    reach = SSIM_WINDOW // 2
    weights = [math.exp(-0.5 * (k / SSIM_SIGMA) ** 2) for k in range(-reach, reach + 1)]
    for axis in (-1, -2):
        size = images.shape[axis] - SSIM_WINDOW + 1
        total = torch.zeros_like(images.narrow(axis, 0, size))
        for offset, weight in enumerate(weights):
            total.add_(images.narrow(axis, offset, size), alpha=weight / sum(weights))
        images = total
    return images


def _window_sums(images: Tensor) -> Tensor:
    """Return the sums over windows of `UIQI_WINDOW` (a power of two), by doubling their width."""
    for axis in (-1, -2):
        width = 1
        while width < UIQI_WINDOW:
            size = images.shape[axis] - width
            images = images.narrow(axis, 0, size) + images.narrow(axis, width, size)
            width *= 2
    return images
