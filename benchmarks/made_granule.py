"""A granule of any size, generated: soft ground with Sentinel-2's layout, file names and tiles."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

BLOCK, TILE = 512, 1024
BANDS = {"B04": 2200, "B03": 2000, "B02": 1700, "B08": 3600}
DATE, TILE_NAME = "20240801", "33TWN"
NAME = f"S2A_MSIL2A_{DATE}T100601_N0511_R022_T{TILE_NAME}_{DATE}T140000"
PLACE = {"crs": "EPSG:32633", "transform": from_origin(399_960, 5_300_040, 10, 10)}
PIECE = 2048


def write(folder: Path, side: int) -> None:
    """Write a granule as a tiled GeoTIFF and as a .SAFE with JPEG 2000."""
    stack = folder / "stack.tif"
    with rasterio.open(
        stack, "w", driver="GTiff", count=4, height=side, width=side, dtype="uint16", nodata=0,
        tiled=True, blockxsize=BLOCK, blockysize=BLOCK, **PLACE,
    ) as target:  # fmt: skip
        for top in range(0, side, PIECE):
            for left in range(0, side, PIECE):
                height, width = min(PIECE, side - top), min(PIECE, side - left)
                window = Window(left, top, width, height)
                target.write(_ground(top, left, height, width), window=window)
    safe = folder / f"{NAME}.SAFE"
    images = safe / "GRANULE" / f"L2A_T{TILE_NAME}_A041500_{DATE}T100600" / "IMG_DATA" / "R10m"
    images.mkdir(parents=True)
    with rasterio.open(stack) as source:
        for number, band in enumerate(BANDS, 1):
            _write_jpeg(images / f"T{TILE_NAME}_{DATE}T100601_{band}_10m.jp2", source.read(number))
    (safe / "MTD_MSIL2A.xml").write_text(_metadata())


def _write_jpeg(path: Path, band: np.ndarray) -> None:
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", count=1, height=len(band), width=band.shape[1],
        dtype="uint16", QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=TILE, BLOCKYSIZE=TILE, **PLACE,
    ) as target:  # fmt: skip
        target.write(band, 1)


def _ground(top: int, left: int, height: int, width: int) -> np.ndarray:
    """Return fields with edges and some noise: (4, height, width), uint16."""
    random = np.random.default_rng((top, left))
    rows, columns = np.mgrid[top : top + height, left : left + width]
    fields = (rows // 37 * 7919 + columns // 53 * 104_729) % 997 / 997
    waves = np.sin(rows / 91) * np.cos(columns / 57) + np.sin((rows + columns) / 11) / 4
    bands = [
        level * (0.7 + 0.5 * fields) + 150 * waves + random.normal(0, 20, (height, width))
        for level in BANDS.values()
    ]
    return np.clip(np.stack(bands), 1, 65_535).astype("uint16")


def _metadata() -> str:
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{n}">-1000</BOA_ADD_OFFSET>' for n in range(13))
    return f"""<?xml version="1.0"?><Level-2A_User_Product><General_Info><Product_Info>
<PRODUCT_URI>{NAME}.SAFE</PRODUCT_URI><PROCESSING_BASELINE>05.11</PROCESSING_BASELINE>
</Product_Info><Product_Image_Characteristics><QUANTIFICATION_VALUES_LIST>
<BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>
</Product_Image_Characteristics></General_Info></Level-2A_User_Product>"""
