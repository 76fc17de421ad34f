"""Pictures of scenes, results and intervals for the page: stretched, coloured, as PNG files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image

from sen2naip_sr.arrays import Array

_DARK, _BRIGHT = 2.0, 98.0
"""Percentiles of each band that become black and full brightness."""

_RAMP = np.array(
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float64
)
"""Five colours of viridis (van der Walt and Smith, https://bids.github.io/colormap/): brightness
rises evenly, and colour-blind readers see it too."""


class View(StrEnum):
    """What three bands are shown as red, green and blue."""

    TRUE = "true"
    FALSE = "false"

    @property
    def bands(self) -> tuple[int, int, int]:
        """The bands, from 0, of an image whose bands are red, green, blue and near-infrared."""
        return (0, 1, 2) if self is View.TRUE else (3, 0, 1)


def views_of(bands: int) -> tuple[View, ...]:
    """Return the views that an image with so many bands can be shown in."""
    return (View.TRUE, View.FALSE) if bands >= 4 else (View.TRUE,)


@dataclass(frozen=True)
class Stretch:
    """Values of each band that become black and full brightness.

    Attributes:
        low, high: (C,), float64.
    """

    low: Array
    high: Array

    @classmethod
    def of(cls, values: Array, valid: Array) -> "Stretch":
        """Return the stretch for an image.

        Red, green and blue get the same contrast, so that colours stay what they are.

        Args:
            values: (C, h, w), any real dtype.
            valid: (C, h, w), bool.
        """
        ends = [_ends(band[known]) for band, known in zip(values, valid, strict=True)]
        low, high = np.array(ends, np.float64).T
        low[:3], high[:3] = low[:3].min(), high[:3].max()
        return cls(low, high)


def _ends(values: Array) -> tuple[float, float]:
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values.astype(np.float64), (_DARK, _BRIGHT))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def coloured(values: Array, valid: Array, view: View, stretch: Stretch) -> Array:
    """Return an image as a picture.

    Args:
        values: (C, h, w), any real dtype; C is at least 3.
        valid: (C, h, w), bool. A pixel that is not valid in all shown bands is transparent.
        view: Which bands are shown.
        stretch: The values that become black and full brightness.

    Returns:
        (h, w, 4), uint8: red, green, blue and opacity.
    """
    bands = list(view.bands)
    low, high = stretch.low[bands, None, None], stretch.high[bands, None, None]
    known = np.logical_and.reduce(valid[bands])
    shown = np.where(known, values[bands].astype(np.float64), low)
    levels = np.clip(np.rint((shown - low) / (high - low) * 255), 0, 255).astype(np.uint8)
    return np.dstack([levels.transpose(1, 2, 0), _opacity(known)])


def interval_colours(widths: Array, valid: Array, widest: float) -> Array:
    """Return half-widths of intervals as a picture: dark where narrow, yellow where wide.

    Args:
        widths: (C, h, w), half-widths in digital numbers. Their mean over the bands is shown.
        valid: (C, h, w), bool.
        widest: The half-width from which on the colour stays the same.

    Returns:
        (h, w, 4), uint8: red, green, blue and opacity.
    """
    known = np.logical_and.reduce(valid)
    mean = np.where(known, widths, 0).mean(axis=0, dtype=np.float64)
    share = np.clip(mean / widest, 0, 1) if widest > 0 else np.zeros_like(mean)
    steps = np.linspace(0, 1, len(_RAMP))
    levels = [np.rint(np.interp(share, steps, _RAMP[:, part])) for part in range(3)]
    return np.dstack([np.stack(levels, -1).astype(np.uint8), _opacity(known)])


def widest_shown(widths: Array, valid: Array) -> float:
    """Return the half-width that the ramp of `interval_colours` ends at: their 99th percentile."""
    known = np.logical_and.reduce(valid)
    values = widths.mean(axis=0, dtype=np.float64)[known]
    return float(np.percentile(values, 99)) if values.size else 0.0


def png(picture: Array) -> bytes:
    """Return a picture (h, w, 4), uint8, as the content of a PNG file."""
    stream = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def ramp_colours() -> Sequence[str]:
    """Return the colours of the interval's ramp, from narrow to wide, as CSS knows them."""
    return [f"rgb({red:.0f} {green:.0f} {blue:.0f})" for red, green, blue in _RAMP]


def _opacity(known: Array) -> Array:
    return np.where(known, np.uint8(255), np.uint8(0))
