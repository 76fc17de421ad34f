"""Sentinel-2 L2A products of Theia (MAJA), as folders or zips.

Format: https://labo.obs-mip.fr/multitemp/sentinel-2/theias-sentinel-2-l2a-product-format/
"""

from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.contents import Contents
from sen2naip_sr.raster.products.product import Product, ProductBand, Scaling, ordered
from sen2naip_sr.raster.products.sensors import SENSORS
from sen2naip_sr.raster.products.xml import number_of, parse_xml, text_of

METADATA = "*_MTD_ALL.xml"
VARIANTS = {
    "FRE": "flat reflectance, corrected for slopes",
    "SRE": "surface reflectance, not corrected for slopes",
}
BANDS = dict(zip(ROLES, ("B4", "B3", "B2", "B8"), strict=True))
NODATA = -10_000.0


def find(contents: Contents, source: str, metadata: str, variant: str) -> Product:
    """Return the product that a file of metadata describes; errors as those of `ordered`."""
    root = parse_xml(contents.read(metadata), f"{contents.place}: {metadata}")
    name = PurePosixPath(metadata).name.removesuffix("_MTD_ALL.xml")
    platform = text_of(root, "PLATFORM")
    if "SENTINEL2" not in (platform or name).upper().replace("-", ""):
        raise UserError(
            "product-unknown",
            f"{name}: a product of {platform}, and Theia's of Sentinel-2 only are known",
            "give its red, green, blue and near-infrared files as a stack",
        )
    scaling = _scaling(root)
    nodata = _nodata(root)
    sensor = SENSORS["sentinel-2"]
    bands, files = {}, []
    for place, (role, band) in enumerate(BANDS.items()):
        found = contents.matching(f"{name}_{variant}_{band}.tif")
        if found:
            files.append(found[0])
            bands[role] = ProductBand(
                role,
                band,
                (contents.gdal_name(found[0]),),
                scaling=scaling,
                nodata=nodata,
                wavelength=sensor.wavelengths[place],
                bandwidth=sensor.bandwidths[place],
            )
    there = f"it holds {len(contents.matching(f'{name}_{variant}_B*.tif'))} files of {variant}"
    return Product(
        kind=f"Theia L2A, {variant} ({VARIANTS[variant]})",
        name=f"{name}_{variant}",
        source=source,
        beside=contents.place,
        bands=ordered(bands, name, there),
        files=contents.local_files([*files, metadata]),
        sensor="sentinel-2",
        level=text_of(root, "PRODUCT_LEVEL") or "L2A",
        baseline=text_of(root, "PRODUCT_VERSION"),
        date=text_of(root, "ACQUISITION_DATE"),
        order=f"B4, B3, B2, B8 of {variant}, by the names of their files",
    )


def _scaling(root: Element) -> Scaling | None:
    quantification = number_of(root, "REFLECTANCE_QUANTIFICATION_VALUE")
    if not quantification:
        for element in root.iter("QUANTIFICATION_VALUE"):
            if element.get("name", "").startswith("reflectance"):
                quantification = number_of(element, "QUANTIFICATION_VALUE")
    if not quantification:
        return None
    stated = f"REFLECTANCE_QUANTIFICATION_VALUE {quantification:g}; there is no offset"
    return Scaling(1 / quantification, 0.0, stated)


def _nodata(root: Element) -> float:
    for element in root.iter("SPECIAL_VALUE"):
        if element.get("name") == "nodata":
            stated = number_of(element, "SPECIAL_VALUE")
            return NODATA if stated is None else stated
    return NODATA
