"""A product as one dataset: a VRT in memory that refers to the files of its bands.

Format: https://gdal.org/en/stable/drivers/raster/vrt.html. Every file is opened and checked before
the VRT is made.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from affine import Affine
from rasterio.io import DatasetReader

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.answers import refusal_of
from sen2naip_sr.raster.access.faults import RASTER_FAULTS, reason_of
from sen2naip_sr.raster.access.opening import open_raster, open_vrt
from sen2naip_sr.raster.products.product import Product, ProductBand

TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32",
    "int32": "Int32", "float32": "Float32", "float64": "Float64",
}  # fmt: skip
"""GDAL's names of the dtypes that can be upscaled."""

COLOURS = {"red": "Red", "green": "Green", "blue": "Blue"}
SLACK = 1e-3
"""Pixels that the corners of files of one grid may differ by."""

BITS = ",".join(f"{value}:{0 if value & 1 else 255}" for value in range(256))
"""A table that maps values whose first bit is set to 0, and the others to 255."""


@dataclass(frozen=True)
class Placed:
    """A file of a band, opened.

    Attributes:
        source: The open file.
        band: What it holds.
        row, column: Where its first pixel lies in the product.
    """

    source: DatasetReader
    band: ProductBand
    row: int
    column: int


@dataclass(frozen=True)
class Layout:
    """The files of a product on one grid.

    Attributes:
        files: Those of each band.
        transform: Of the product's pixels.
        height, width: Its size.
    """

    files: tuple[tuple[Placed, ...], ...]
    transform: Affine
    height: int
    width: int

    def __iter__(self) -> Iterator[Placed]:
        return (placed for band in self.files for placed in band)


def open_layout(product: Product, drivers: Sequence[str], opened: ExitStack) -> Layout:
    """Open the files of a product, and check that they lie on one grid.

    Args:
        product: The product.
        drivers: GDAL's names of drivers to allow besides the usual ones.
        opened: Closes the files.

    Raises:
        UserError: If a file cannot be opened, or they differ in pixel size, extent, coordinate
            system or dtype.
    """
    sources = [
        [(file, opened.enter_context(_opened(file, band, drivers))) for file in band.files]
        for band in product.bands
    ]
    flat = [pair for band in sources for pair in band]
    first = flat[0][1]
    for file, source in flat:
        _require_same(product, flat[0][0], first, file, source)
    # the first corner and the last one of all granules
    corners = [
        (round(column), round(row))
        for column, row in (~first.transform @ (s.transform.c, s.transform.f) for _, s in flat)
    ]
    left, top = (min(values) for values in zip(*corners, strict=True))
    right = max(x + s.width for (x, _), (_, s) in zip(corners, flat, strict=True))
    bottom = max(y + s.height for (_, y), (_, s) in zip(corners, flat, strict=True))
    places = iter(corners)
    files = []
    for band, pairs in zip(product.bands, sources, strict=True):
        placed = []
        for _, source in pairs:
            column, row = next(places)
            placed.append(Placed(source, band, row - top, column - left))
        files.append(tuple(placed))
    _require_same_extent(product, files)
    moved = first.transform
    if not moved.is_identity:
        moved = moved @ Affine.translation(left, top)
    return Layout(tuple(files), moved, bottom - top, right - left)


def _opened(file: str, band: ProductBand, drivers: Sequence[str]) -> DatasetReader:
    try:
        source = open_raster(file, drivers)
    except UserError as error:
        raise refusal_of(file) or error from error
    if source.count < band.number:
        source.close()
        raise UserError(
            "product-damaged",
            f"{file}: has {source.count} bands, and band {band.number} is {band.role}",
            "download it again",
        )
    return source


def _require_same(
    product: Product, name: str, first: DatasetReader, file: str, other: DatasetReader
) -> None:
    """Refuse a file on another grid than the first one's."""
    differing = []
    size, others = _pixel(first), _pixel(other)
    if any(
        abs(a - b) > SLACK * max(abs(a), 1e-12) / max(first.shape)
        for a, b in zip(size, others, strict=True)
    ):
        differing.append(f"pixels of {_shown(others)} against {_shown(size)}")
    elif first.crs != other.crs:
        crs = [source.crs.to_string() if source.crs else "none" for source in (other, first)]
        differing.append(f"coordinate system {crs[0]} against {crs[1]}")
    else:
        column, row = ~first.transform @ (other.transform.c, other.transform.f)
        if max(abs(column - round(column)), abs(row - round(row))) > SLACK * 10:
            differing.append(f"its pixels are shifted by ({column % 1:.2f}, {row % 1:.2f}) pixels")
    dtypes = other.dtypes[0], first.dtypes[0]
    if dtypes[0] != dtypes[1]:
        differing.append(f"values of {dtypes[0]} against {dtypes[1]}")
    if dtypes[0] not in TYPES:
        differing.append(f"values of {dtypes[0]}, which cannot be upscaled")
    if differing:
        raise UserError(
            "bands-do-not-fit",
            f"{product.name}: {file} does not fit {name}: {'; '.join(differing)}",
            "give bands of one pixel size, extent and coordinate system, or resample them first",
        )


def _require_same_extent(product: Product, files: Sequence[Sequence[Placed]]) -> None:
    """Refuse bands that cover other pixels than the first one does."""
    covered = [
        [(placed.row, placed.column, *placed.source.shape) for placed in band] for band in files
    ]
    for band, windows in zip(files, covered, strict=True):
        if windows != covered[0]:
            first, other = files[0][0].source, band[0].source
            raise UserError(
                "bands-do-not-fit",
                f"{product.name}: {other.name} does not fit {first.name}: it covers "
                f"{other.width} x {other.height} pixels from ({other.transform.c:.10g}, "
                f"{other.transform.f:.10g}), and the other {first.width} x {first.height} from "
                f"({first.transform.c:.10g}, {first.transform.f:.10g})",
                "give bands of one extent, or crop them first",
            )


def _pixel(source: DatasetReader) -> tuple[float, ...]:
    matrix = source.transform
    return matrix.a, matrix.b, matrix.d, matrix.e


def _shown(pixel: tuple[float, ...]) -> str:
    return " x ".join(f"{abs(side):g}" for side in (pixel[0] or pixel[1], pixel[3] or pixel[2]))


def open_dataset(product: Product, layout: Layout, *, to_be_read: bool) -> DatasetReader:
    """Open a product as one dataset of its bands; the files of the layout may be closed later.

    Args:
        product: The product.
        layout: Its files.
        to_be_read: Whether pixels will be read from it: then its files are opened now, while GDAL's
            settings hold, and not at the first read.

    Raises:
        UserError: If the first pixel of a file cannot be read.
    """
    corners = [(p.column, p.row) for p in layout] if to_be_read else []
    try:
        return open_vrt(vrt_of(product, layout), corners)
    except RASTER_FAULTS as error:
        raise UserError(
            "file-damaged",
            f"{product.name}: cannot be read ({reason_of(error)})",
            "it is cut short or damaged: copy or download it again",
        ) from error


def vrt_of(product: Product, layout: Layout) -> str:
    """Return the VRT of a product."""
    first = layout.files[0][0].source
    root = Element("VRTDataset", rasterXSize=str(layout.width), rasterYSize=str(layout.height))
    if first.crs:
        SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = first.crs.to_wkt()
    if not layout.transform.is_identity:
        numbers = layout.transform.to_gdal()
        SubElement(root, "GeoTransform").text = ", ".join(map(repr, map(float, numbers)))
    _tags(root, _described(product))
    for number, placed in enumerate(layout.files, 1):
        _band(root, number, placed)
    if product.usable:
        _mask(root, *product.usable, layout)
    return tostring(root, encoding="unicode")


def _described(product: Product) -> dict[str, str]:
    known = {
        "PRODUCT": product.kind,
        "PRODUCT_NAME": product.name,
        "PROCESSING_LEVEL": product.level,
        "PROCESSING_BASELINE": product.baseline,
        "ACQUISITION": product.date,
    }
    return {name: text for name, text in known.items() if text}


def _tags(parent: Element, tags: dict[str, str]) -> None:
    if tags:
        metadata = SubElement(parent, "Metadata")
        for name, text in tags.items():
            SubElement(metadata, "MDI", key=name).text = text


def _band(root: Element, number: int, files: Sequence[Placed]) -> None:
    band, first = files[0].band, files[0].source
    element = SubElement(
        root, "VRTRasterBand", dataType=TYPES[first.dtypes[band.number - 1]], band=str(number)
    )
    tags = {"BANDNAME": band.name}
    if band.wavelength:
        tags |= {"WAVELENGTH": f"{band.wavelength:g}", "WAVELENGTH_UNIT": "nm"}
    if band.bandwidth:
        tags |= {"BANDWIDTH": f"{band.bandwidth:g}", "BANDWIDTH_UNIT": "nm"}
    _tags(element, tags)
    SubElement(element, "Description").text = band.role
    nodata = nodata_of(band, first)
    if nodata is not None:
        SubElement(element, "NoDataValue").text = repr(float(nodata))
    place = band.number - 1
    scale, offset = first.scales[place], first.offsets[place]
    if band.scaling:
        scale, offset = band.scaling.scale, band.scaling.offset
    if (scale, offset) != (1, 0):
        SubElement(element, "Offset").text = repr(float(offset))
        SubElement(element, "Scale").text = repr(float(scale))
    SubElement(element, "ColorInterp").text = COLOURS.get(band.role, "Undefined")
    for placed in files:
        kind = "SimpleSource" if len(files) == 1 or nodata is None else "ComplexSource"
        source = _source(element, kind, placed.source.name, band.number, placed)
        if kind == "ComplexSource":
            # of overlapping granules, one without data hides nothing
            SubElement(source, "NODATA").text = repr(nodata)


def nodata_of(band: ProductBand, source: DatasetReader) -> float | None:
    """Return the value that stands for no data in a band: the product's, or the file's."""
    declared = source.nodatavals[band.number - 1]
    return band.nodata if band.nodata is not None else declared


def _source(parent: Element, kind: str, file: str, number: int, placed: Placed) -> Element:
    source = SubElement(parent, kind)
    SubElement(source, "SourceFilename", relativeToVRT="0").text = file
    SubElement(source, "SourceBand").text = str(number)
    height, width = placed.source.shape
    for name, column, row in (("SrcRect", 0, 0), ("DstRect", placed.column, placed.row)):
        sides = {"xOff": column, "yOff": row, "xSize": width, "ySize": height}
        SubElement(source, name, {key: str(side) for key, side in sides.items()})
    return source


def _mask(root: Element, file: str, number: int, layout: Layout) -> None:
    with open_raster(file) as mask:
        if mask.count < number or mask.shape != (layout.height, layout.width):
            return
    band = SubElement(SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
    source = _source(band, "ComplexSource", file, number, layout.files[0][0])
    SubElement(source, "LUT").text = BITS
