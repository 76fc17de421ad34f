"""What is published of sensors: wavelengths, modulation transfer and noise of the four bands.

Sources of Sentinel-2: modulation transfer, Ulfarsson et al. 2019, "Sentinel-2 Sharpening Using a
Reduced-Rank Method", IEEE TGRS 57(9), as in its code, doi:10.21982/j9jg-vm40; reference radiances,
those of ESA's radiometric uncertainty tool, https://github.com/senbox-org/snap-rut; required
signal-to-noise ratios, ESA's Sentinel-2 user guide, radiometric resolution; irradiances, the
metadata of products (SOLAR_IRRADIANCE).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sen2naip_sr.raster.products.product import Product


@dataclass(frozen=True)
class Sensor:
    """What is published of a sensor, for red, green, blue and near-infrared.

    Attributes:
        title: Its name.
        wavelengths: Centres in nanometres.
        bandwidths: Widths in nanometres.
        modulation: Modulation transfer at the Nyquist frequency of its pixels; None: unknown here.
        noise: Standard deviation in reflectance; None: unknown here.
    """

    title: str
    wavelengths: tuple[float, ...]
    bandwidths: tuple[float, ...]
    modulation: float | None = None
    noise: tuple[float, ...] | None = None

    @property
    def blur(self) -> float | None:
        """Standard deviation of the Gaussian with that modulation, in pixels."""
        if self.modulation is None:
            return None
        return math.sqrt(-2 * math.log(self.modulation)) / math.pi


def _noise(radiance: float, irradiance: float, ratio: float) -> float:
    """Return the noise in reflectance from what is required: a ratio at a reference radiance.

    Args:
        radiance: W/m2/sr/um.
        irradiance: Of the sun, W/m2/um; the sun is in the zenith.
        ratio: Of the signal to the noise.
    """
    return math.pi * radiance / irradiance / ratio


SENSORS: Mapping[str, Sensor] = {
    "sentinel-2": Sensor(
        "Sentinel-2 MSI",
        (664.6, 559.8, 492.4, 832.8),
        (31, 36, 66, 106),
        modulation=0.26,
        noise=(
            _noise(108, 1512.06, 142),
            _noise(128, 1823.24, 168),
            _noise(128, 1959.66, 154),
            _noise(103, 1041.63, 174),
        ),
    ),
    "landsat-8": Sensor("Landsat 8/9 OLI", (654.6, 561.4, 482.0, 864.7), (37, 57, 60, 28)),
    "landsat-7": Sensor("Landsat 4 to 7", (660, 560, 485, 835), (60, 80, 70, 130)),
    "planetscope": Sensor("PlanetScope (SuperDove)", (665, 565, 490, 865), (31, 36, 50, 40)),
}
"""By key. The modulation of Sentinel-2 is the mean of 0.24, 0.28, 0.26 and 0.26 of its bands, since
networks are told one width for all bands."""


@dataclass(frozen=True)
class Published:
    """What is published of the sensor of a scene.

    Attributes:
        title: The sensor.
        noise: Standard deviation of each band, in digital numbers.
        blur: Width in pixels, as the standard deviation of a Gaussian.
    """

    title: str
    noise: tuple[float, ...]
    blur: float


def published_of(product: Product | None, numbers: Sequence[int]) -> Published | None:
    """Return what is published of a product's bands.

    Args:
        product: The product; None: it is none.
        numbers: Of its bands, from 1.

    Returns:
        None if nothing is published, or its values are not known to be reflectance.
    """
    sensor = SENSORS.get(product.sensor) if product else None
    if product is None or sensor is None or sensor.noise is None or sensor.blur is None:
        return None
    noise = []
    for number in numbers:
        scaling = product.bands[number - 1].scaling
        if scaling is None:
            return None
        noise.append(sensor.noise[number - 1] / scaling.scale)
    return Published(sensor.title, tuple(noise), sensor.blur)
