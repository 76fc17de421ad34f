"""Peak signal-to-noise ratio, from the mean squared error over all bands."""

from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair

if TYPE_CHECKING:
    from torch import Tensor

PSNR_CAP = 100.0
"""Highest PSNR in dB. Identical images have none; a finite value keeps means finite. An error
at the cap is 1e-5 of the data range, below one step of 16-bit data."""


def psnr(
    prediction: "Tensor", truth: "Tensor", data_range: float, valid: "Tensor | None" = None
) -> "Tensor":
    """Return the peak signal-to-noise ratio (B,) over all bands, dB, at most `PSNR_CAP`.

    Args:
        prediction: (B, C, H, W), digital numbers, of any float dtype: the one computed in.
        truth: The same shape, dtype and device.
        data_range: Largest minus smallest possible digital number.
        valid: The pixels that count, bool, of the same shape; None: all. NaN where none does.
    """
    squares = (prediction - truth).square()
    if valid is None:
        mse = squares.mean(dim=(1, 2, 3))
    else:
        mse = squares.where(valid, 0.0).sum(dim=(1, 2, 3)) / valid.sum(dim=(1, 2, 3))
    return (10 * (data_range**2 / mse).log10()).clamp(max=PSNR_CAP)


def _bands(pair: Pair) -> "Tensor":
    valid = None if pair.valid is None else pair.valid.unsqueeze(1)
    return psnr(pair.prediction.unsqueeze(1), pair.truth.unsqueeze(1), pair.data_range, valid)


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    valid = None if pair.valid is None else pair.valid[None]
    return psnr(pair.prediction[None], pair.truth[None], pair.data_range, valid)[0]


METRIC = Metric(
    key="psnr",
    title="PSNR",
    unit="dB",
    higher_is_better=True,
    position=10,
    bands=_bands,
    joint=_joint,
    shown="narrow",
    overview=True,
)
