"""Which frequencies a network restored, and which of what it added is not in the truth.

What is missing from the reference is w = truth - reference, and what the network added is
a = prediction - reference. In every ring of frequencies, a is split into its projection on w and
the rest: ``restored`` = <a, w> / <w, w>, 1 if all of the missing detail is there, and
``invented`` = |a - restored w| / |w|, 0 if nothing else was added.
"""

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.metrics.spectrum import radial_power_spectrum

BINS = 32
NYQUIST_OF_LR = 0.25
"""Highest frequency that the input holds, in cycles per pixel of the result."""


def by_frequency(prediction: Array, reference: Array, truth: Array) -> pd.DataFrame:
    """Compare what was added with what was missing, ring by ring.

    Args:
        prediction: (C, H, W), digital numbers.
        reference: The same, by an interpolation.
        truth: The same shape.

    Returns:
        Columns frequency (cycles per pixel of the result), restored, invented, and gain (decrease
        of the error's power, dB; NaN where one of both has none).
    """
    added, wanted = (_tensor(each) - _tensor(reference) for each in (prediction, truth))
    bins = min(BINS, min(truth.shape[-2:]) // 2)
    frequencies, _ = radial_power_spectrum(wanted, bins)
    missing, power, error, both = (
        radial_power_spectrum(each, bins)[1][0].numpy()
        for each in (wanted, added, added - wanted, added + wanted)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        # <a, w> from the powers of sum and difference
        restored = (both - error) / 4 / missing
        rest = np.maximum(power - restored**2 * missing, 0)
        invented = np.sqrt(rest / missing)
        gain = 10 * np.log10(missing / error)
    frame = {"frequency": frequencies.numpy(), "restored": restored, "invented": invented}
    return pd.DataFrame({**frame, "gain": np.where(np.isfinite(gain), gain, np.nan)})


def above_nyquist(table: pd.DataFrame, column: str) -> float:
    """Return the mean of a column over the frequencies that the input does not hold."""
    return float(table.loc[table["frequency"] > NYQUIST_OF_LR, column].mean())


def beyond_nyquist_db(prediction: Array, reference: Array) -> float:
    """Return the power above the input's Nyquist frequency, in dB over that of the reference.

    Both are (C, H, W). It says how much was added there, and not whether it is real.
    """
    bins = min(BINS, min(prediction.shape[-2:]) // 2)
    powers = []
    for image in (prediction, reference):
        frequencies, power = radial_power_spectrum(_tensor(image), bins)
        powers.append(float(power[0][frequencies > NYQUIST_OF_LR].sum()))
    return 10 * float(np.log10(max(powers[0], 1e-12) / max(powers[1], 1e-12)))


def _tensor(image: Array) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image, np.float64))[None]
