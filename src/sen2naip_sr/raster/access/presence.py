"""Whether a GeoTIFF holds the pixels that its header promises."""

from pathlib import Path

import numpy as np
from rasterio.io import DatasetReader

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.access.sizes import bytes_of

RATIO = 1000
"""Files with fewer bytes of pixels for each of their own are not looked at. Complete ones hardly
have more: DEFLATE makes no more of a single colour."""
LOOKED_AT = 1024
"""Blocks that are looked for, at most, spread evenly."""
LEAST = 0.01
"""Share of them that must be there."""
SMALL = 2**20
"""Bytes of pixels that are no matter, wherever they come from."""


def require_present(path: Path | str, source: DatasetReader) -> None:
    """Check that a GeoTIFF holds some of its blocks.

    GDAL reads blocks that are missing as nodata or, where none is declared, as zeros: a few bytes
    can promise any number of pixels, in a damaged header or on purpose. Sparse files, which declare
    nodata, are another matter.

    Args:
        path: Its name in messages.
        source: The open raster.

    Raises:
        UserError: If it declares no nodata value and holds hardly any block.
    """
    if source.driver != "GTiff" or source.nodata is not None:
        return
    widths = [bytes_of(dtype) for dtype in source.dtypes]
    promised = source.height * source.width * sum(widths)
    try:
        size = Path(source.name).stat().st_size
    except OSError:
        # in memory, in an archive or at a server
        return
    if promised < max(SMALL, RATIO * size):
        return
    rows, columns = source.block_shapes[0]
    across, down = -(-source.width // columns), -(-source.height // rows)
    blocks = np.unique(np.linspace(0, across * down - 1, LOOKED_AT).astype(int)).tolist()
    found = sum(_is_present(source, number % across, number // across) for number in blocks)
    if found <= LEAST * len(blocks):
        raise UserError(
            "file-empty",
            f"{path}: its header promises {source.height:,} x {source.width:,} pixels, and the "
            f"file holds {found / len(blocks):.1%} of their blocks",
            "if it is damaged, copy or download it again; if it is sparse, crop it to where data "
            "are, or declare its nodata value",
        )


def _is_present(source: DatasetReader, column: int, row: int) -> bool:
    return source.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", dm="TIFF", bidx=1) is not None
