"""Opens any source: a product of a sensor, or a raster."""

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rasterio.io import DatasetReader

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.answers import refusal_of
from sen2naip_sr.raster.access.locations import Location, locate
from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.products.dataset import open_dataset, open_layout
from sen2naip_sr.raster.products.decoded import DecodedProduct, worth_keeping
from sen2naip_sr.raster.products.finding import find_product
from sen2naip_sr.raster.products.kinds import planetscope
from sen2naip_sr.raster.products.product import Product
from sen2naip_sr.raster.products.variants import VARIANTS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """An open source.

    Attributes:
        name: Its name: a path where it is a plain file or folder.
        dataset: The bands, red, green, blue and near-infrared of a product.
        product: What it is a product of; None: it is a raster.
        decoded: Reads its pixels instead of the dataset; None: the dataset does.
    """

    name: Path | str
    dataset: DatasetReader
    product: Product | None = None
    decoded: DecodedProduct | None = None

    def close(self) -> None:
        """Close all files."""
        self.dataset.close()
        if self.decoded:
            self.decoded.close()


def open_source(
    source: str | os.PathLike[str] | Location,
    drivers: Sequence[str] = (),
    variant: str = VARIANTS[0],
    *,
    keep_decoded: bool = True,
) -> Opened:
    """Open a product or a raster; notes on a product are logged.

    Args:
        source: What `find_product` or `locate` takes.
        drivers: GDAL's names of drivers to allow besides the usual ones.
        variant: Of products that have several.
        keep_decoded: Whether blocks that take long to decode are kept for later reads.

    Raises:
        UserError: If it is neither, may not be opened, or is damaged.
    """
    product = None if isinstance(source, Location) else find_product(os.fspath(source), variant)
    if product is None:
        location = source if isinstance(source, Location) else locate(source)
        name = Path(location.given) if location.plain else location.given
        if isinstance(name, Path) and (question := planetscope.question(name)):
            logger.warning("%s: %s", name, question)
        try:
            return Opened(name, open_raster(location, drivers))
        except UserError as error:
            raise refusal_of(location.given) or error from error
    with ExitStack() as files:
        layout = open_layout(product, drivers, files)
        keeps = keep_decoded and worth_keeping(layout)
        dataset = open_dataset(product, layout, to_be_read=not keeps)
        decoded = None
        if keeps:
            decoded = DecodedProduct(layout)
            files.pop_all()
    for note in (*product.notes, *_unscaled(product, dataset)):
        logger.warning("%s: %s", product.name, note)
    given = product.source
    return Opened(Path(given) if os.path.lexists(given) else given, dataset, product, decoded)


def _unscaled(product: Product, dataset: DatasetReader) -> list[str]:
    """Return what to say of bands without scale and offset."""
    stated = zip(product.bands, dataset.scales, dataset.offsets, strict=True)
    missing = [band.role for band, *known in stated if not band.scaling and known == [1, 0]]
    if not missing:
        return []
    return [
        f"neither its metadata nor its files state scale and offset of {', '.join(missing)}: the "
        "result has none, and its values are no reflectance"
    ]
