"""Harmonized Landsat and Sentinel-2 (HLS) 2.0: the files of a granule side by side.

Format: HLS Product User Guide 2.0, https://lpdaac.usgs.gov/documents/1698/HLS_User_Guide_V2.pdf.
"""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath

from sen2naip_sr.raster.access.opening import open_raster
from sen2naip_sr.raster.band_names import ROLES
from sen2naip_sr.raster.products.contents import Contents
from sen2naip_sr.raster.products.kinds.landsat import NOTE
from sen2naip_sr.raster.products.product import Product, ProductBand, Scaling, ordered
from sen2naip_sr.raster.products.sensors import SENSORS
from sen2naip_sr.raster.products.xml import as_number

FILE = re.compile(r"(HLS\.([LS])30\.T\w{5}\.(\d{7}T\d{6})\.v(\d\.\d))\.B\d\w\.tif")
BANDS = {"L": ("B04", "B03", "B02", "B05"), "S": ("B04", "B03", "B02", "B08")}


def find(contents: Contents, source: str, file: str) -> Product:
    """Return the granule that a file belongs to; errors as those of `ordered`."""
    found = FILE.fullmatch(PurePosixPath(file).name)
    assert found is not None
    name, satellite = found[1], found[2]
    key = "landsat-8" if satellite == "L" else "sentinel-2"
    sensor = SENSORS[key]
    bands, files = {}, []
    for place, (role, band) in enumerate(zip(ROLES, BANDS[satellite], strict=True)):
        if there := contents.matching(f"{name}.{band}.tif"):
            files.append(there[0])
            bands[role] = ProductBand(
                role,
                band,
                (contents.gdal_name(there[0]),),
                wavelength=sensor.wavelengths[place],
                bandwidth=sensor.bandwidths[place],
            )
    chosen = ordered(bands, name, f"its bands are in the files {name}.B*.tif")
    chosen = tuple(replace(band, scaling=_scaling(band.files[0])) for band in chosen)
    return Product(
        kind=f"HLS {satellite}30",
        name=name,
        source=source,
        beside=contents.beside(source),
        bands=chosen,
        files=contents.local_files(files),
        # pixels of 30 m are no longer blurred as the sensor blurs
        sensor="",
        level=f"{satellite}30",
        baseline=found[4],
        date=_date(found[3]),
        order=f"{', '.join(BANDS[satellite])}, by the names of the files",
        notes=(NOTE,),
    )


def _date(text: str) -> str:
    """Return the time in a name, of which the day is that of the year, as ISO 8601."""
    try:
        return f"{datetime.strptime(text, '%Y%jT%H%M%S').isoformat()}Z"
    except ValueError:
        return ""


def _scaling(file: str) -> Scaling | None:
    with open_raster(file) as source:
        scale, offset = source.scales[0], source.offsets[0]
        if (scale, offset) != (1, 0):
            return Scaling(scale, offset, f"scale {scale:g} and offset {offset:g} of its files")
        tags = {name.lower(): value for name, value in source.tags().items()}
    stated = as_number(tags.get("scale_factor"))
    if stated is None:
        return None
    added = as_number(tags.get("add_offset")) or 0.0
    return Scaling(stated, added, f"scale_factor {stated:g} and add_offset {added:g} of its files")
