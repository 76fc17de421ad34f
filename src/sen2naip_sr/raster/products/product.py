"""What a product is: its bands with their files, and what its metadata say of the values."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES

LONGEST = 200
"""Letters of the name of a file, without its ending."""

_NO_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


@dataclass(frozen=True)
class Scaling:
    """How digital numbers become reflectance: ``scale * value + offset``.

    Attributes:
        scale: The factor.
        offset: What is added.
        stated_by: Where both are stated, in words.
    """

    scale: float
    offset: float
    stated_by: str


@dataclass(frozen=True)
class ProductBand:
    """A band of a product.

    Attributes:
        role: red, green, blue or nir.
        name: What its sensor calls it.
        files: Where it lies: one name, or one for each granule, as GDAL takes them.
        number: The number of the band in the files, from 1.
        scaling: How values become reflectance; None if the metadata do not say.
        nodata: The value that stands for no data; None: what the files declare.
        wavelength: Centre in nanometres; None if unknown.
        bandwidth: Width in nanometres; None if unknown.
    """

    role: str
    name: str
    files: tuple[str, ...]
    number: int = 1
    scaling: Scaling | None = None
    nodata: float | None = None
    wavelength: float | None = None
    bandwidth: float | None = None


@dataclass(frozen=True)
class Product:
    """A product of a sensor.

    Attributes:
        kind: What it is, in words, such as Sentinel-2 L2A.
        name: Its name, which the names of results begin with.
        source: What it was found by: a folder, an archive, a file, an address.
        beside: The file or folder that results go beside; None: it is on no disk of this machine.
        bands: Its bands, in the order red, green, blue, near-infrared.
        files: The local files that it consists of, archives as a whole.
        sensor: The key of its sensor in `sen2naip_sr.raster.products.sensors`; "" if unknown.
        level: Processing level.
        baseline: Version of the processing.
        date: When it was acquired, ISO 8601.
        order: Why the bands are these and in this order.
        usable: A file of which the first bit of one band says where there are no data, and the
            number of that band; None without one.
        notes: What the user should know of it: they are logged as warnings.
    """

    kind: str
    name: str
    source: str
    beside: Path | None
    bands: tuple[ProductBand, ...]
    files: tuple[Path, ...]
    sensor: str = ""
    level: str = ""
    baseline: str = ""
    date: str = ""
    order: str = ""
    usable: tuple[str, int] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def stem(self) -> str:
        """Its name as that of a file: names come from metadata, which may hold anything."""
        return _NO_NAME.sub("_", self.name).lstrip(".")[:LONGEST] or "product"


def ordered(bands: dict[str, ProductBand], name: str, there: str) -> tuple[ProductBand, ...]:
    """Return bands in the order of the networks.

    Args:
        bands: By role.
        name: Of the product, for messages.
        there: What there is, in words.

    Raises:
        UserError: If one of the four is missing.
    """
    if missing := [role for role in ROLES if role not in bands]:
        raise UserError(
            "product-band-missing",
            f"{name}: has no {', '.join(missing)} band of the finest pixel size; {there}",
            "download it as a whole, with all its bands",
        )
    return tuple(bands[role] for role in ROLES)


def product_fault(name: str, problem: str, remedy: str = "download it again") -> UserError:
    """Return the error of a product that cannot be used."""
    return UserError("product-damaged", f"{name}: {problem}", remedy)
