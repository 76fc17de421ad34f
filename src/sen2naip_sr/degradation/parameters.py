"""Parameters of what is drawn at random for training: truth, sensors, and what a network is told.

Shares are probabilities for each image. Digital numbers are those of 8-bit imagery, 255 for the
whole value range. Imagery is *deep* if it has more than 8 bits.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from sen2naip_sr.parameters import Parameters


def _rises(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    if low > high:
        raise ValueError(f"the first end, {low:g}, must not be above the second, {high:g}")
    return ends


def _has_any(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not sum(shares):
        raise ValueError("one of the shares must be above 0")
    return shares


NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Quality = Annotated[float, Field(ge=50, le=100)]
Range = Annotated[tuple[NotNegative, NotNegative], AfterValidator(_rises)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_rises)]
"""Of numbers whose logarithm is drawn."""
QualityRange = Annotated[tuple[Quality, Quality], AfterValidator(_rises)]
Shares = Annotated[
    tuple[NotNegative, NotNegative, NotNegative, NotNegative], AfterValidator(_has_any)
]


class TruthParameters(Parameters):
    """How HR is varied before it is observed."""

    toned: float = Field(default=0.5, ge=0, le=1)
    """Share of images whose brightness and contrast change."""
    gain: Range = (0.45, 1.25)
    """Smallest and largest factor of 8-bit images, uniform."""
    deep_gain: PositiveRange = (0.3, 1.5)
    """Smallest and largest factor of deep images, log-uniform."""
    band_gain: float = Field(default=0.3, ge=0, lt=1)
    """Largest relative deviation of a band's factor from the image's."""
    band_offset: float = Field(default=0.1, ge=0)
    """Largest offset of a band, as a share of the value range."""
    gamma_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the toned images whose values are raised to a power."""
    gamma: float = Field(default=0.5, ge=0)
    """Largest absolute logarithm of the power."""
    permuted: float = Field(default=0.3, ge=0, le=1)
    """Share of images whose bands change places. How bands resemble each other differs between
    sensors and land covers: a network shall not rely on what one sensor's bands have in common."""
    grey: float = Field(default=0.12, ge=0, le=1)
    """Share of images of which one band takes the place of all."""
    dropped: float = Field(default=0.0, ge=0, le=1)
    """Share of images one of whose bands is missing: a copy of another band takes its place, as
    where imagery has fewer bands than the network."""
    foreign: float = Field(default=0.12, ge=0, le=1)
    """Share of images of which one band comes from another image of the batch."""
    inverted: float = Field(default=0.12, ge=0, le=1)
    """Share of images in which each band is inverted, bright for dark, by an even chance."""
    softened: float = Field(default=0.2, ge=0, le=1)
    """Share of images that are blurred: sharper output than such a truth is wrong."""
    softness: Range = (0.3, 1.0)
    """Smallest and largest width of that Gaussian in HR pixels, uniform."""
    soft_isotropic: float = Field(default=0.7, ge=0, le=1)
    """Share of the softened images with the same width on both axes."""
    soft_bands: float = Field(default=0.35, ge=0, le=1)
    """Share of the softened images with other widths in each band: between 0 and the image's."""


class SensorParameters(Parameters):
    """Which sensors observe HR."""

    clean: float = Field(default=0.42, ge=0, le=1)
    """Share of images made by the recipe alone: antialiased bicubic downscaling."""
    decimations: Shares = (0.45, 0.2, 0.2, 0.15)
    """Shares of `sen2naip_sr.degradation.blur.DECIMATIONS` among the other images."""
    blurred: float = Field(default=0.6, ge=0, le=1)
    """Share of the other images that are blurred by a Gaussian before decimation."""
    blur: Range = (0.4, 2.4)
    """Smallest and largest width of the Gaussian in HR pixels."""
    blur_power: float = Field(default=1.3, gt=0)
    """Above 1, narrow Gaussians are more frequent: the power of a uniform number in [0, 1)."""
    anisotropic: float = Field(default=0.25, ge=0, le=1)
    """Share of the blurred images with different widths on both axes."""
    anisotropy: float = Field(default=0.25, ge=0)
    """Standard deviation of the logarithm of the width on an axis relative to the mean."""
    band_blurs: float = Field(default=0.25, ge=0, le=1)
    """Share of the blurred images with different widths in each band."""
    band_blur: float = Field(default=0.15, ge=0)
    """Standard deviation of the logarithm of a band's width relative to the image's."""
    noisy: float = Field(default=0.6, ge=0, le=1)
    """Share of the other images with noise."""
    noise: PositiveRange = (0.25, 8.0)
    """Smallest and largest standard deviation of the noise in digital numbers, log-uniform."""
    deep_noise: float = Field(default=0.35, ge=0)
    """Factor of the noise of deep images."""
    band_noises: float = Field(default=0.3, ge=0, le=1)
    """Share of the noisy images with different levels in each band."""
    band_noise: float = Field(default=0.35, ge=0)
    """Standard deviation of the logarithm of a band's level relative to the image's."""
    shot: float = Field(default=0.5, ge=0, le=1)
    """Share of the noisy images in which a part of the variance, from 0 to 1, is proportional to
    the signal: photons arrive by a Poisson process."""
    depths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(1023, 4095, 10000), min_length=1
    )
    """Largest digital numbers of sensors with more than 8 bits."""
    deeper: float = Field(default=0.15, ge=0, le=1)
    """Share of the other 8-bit images that are observed with one of `depths`."""
    compressed: float = Field(default=0.5, ge=0, le=1)
    """Share of the other 8-bit images that are compressed."""
    wavelets: float = Field(default=0.25, ge=0, le=1)
    """Share of the compressed images that wavelets compress, as in JPEG 2000. JPEG the rest."""
    quality: QualityRange = (60.0, 99.0)
    """Lowest and highest quality of JPEG, from 50 to 100."""
    quality_power: float = Field(default=0.7, gt=0)
    """Below 1, high qualities are more frequent: the power of a uniform number in [0, 1)."""
    colour: float = Field(default=0.35, ge=0, le=1)
    """Share of JPEG images compressed as luminance and chrominance."""
    steps: PositiveRange = (1.0, 16.0)
    """Smallest and largest quantiser step of wavelets in digital numbers, log-uniform."""


class ToldParameters(Parameters):
    """What a network is told about an image: the truth, an estimate of it, or nothing."""

    estimated: float = Field(default=0.5, ge=0, le=1)
    """Share of images whose conditions are as wrong as an estimate. The others are true."""
    least_error: float = Field(default=0.3, ge=0, le=1)
    """Errors of an image are the ones below times a uniform number between this one and 1."""
    blur: float = Field(default=0.13, ge=0)
    """Standard deviation of the logarithm of the estimated blur: the error of all bands."""
    band_blur: float = Field(default=0.052, ge=0)
    """The same, the error of each band."""
    noise: float = Field(default=0.2, ge=0)
    """Standard deviation of the logarithm of the estimated noise: the error of all bands."""
    band_noise: float = Field(default=0.1, ge=0)
    """The same, the error of each band."""
    false_noise: float = Field(default=0.25, ge=0)
    """Noise in digital numbers that is estimated where there is none: the scale of the product of
    two half-normal numbers."""
    compression: float = Field(default=0.25, ge=0)
    """Standard deviation of the logarithm of the estimated compression."""
    overlooked: float = Field(default=0.5, ge=0, le=1)
    """Share of the images compressed by wavelets that are told to have no compression. Of the
    others, compression is unknown: the conditions describe JPEG alone."""
    unknown: float = Field(default=0.12, ge=0, le=1)
    """Share of images of which nothing is known; and of noise, blur and compression alone."""
