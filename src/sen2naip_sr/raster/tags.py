"""Tags that stay valid when an image gets another pixel size."""

import re

from rasterio.io import DatasetReader

Tags = dict[str, str]

PASSING = re.compile(
    r"STATISTICS_.*|NODATA_VALUES|OVR_RESAMPLING_ALG|LAYOUT"
    r"|TIFFTAG_((X|Y)RESOLUTION|RESOLUTIONUNIT|(MIN|MAX)SAMPLEVALUE)"
)
"""Tags that depend on values, pixel size or the file's structure."""


def lasting_tags(source: DatasetReader, band: int = 0) -> Tags:
    """Read the lasting tags of a dataset or, if ``band`` is not 0, of one of its bands.

    Tags in other domains (structure, sensor models, embedded XML) are left out: GDAL's COG driver
    drops either them or the tags of bands.
    """
    tags = source.tags(band)
    return {name: value for name, value in tags.items() if not PASSING.fullmatch(name)}
