"""Which place and which piece of ground a chip belongs to."""

import logging
import re
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from rasterio.warp import transform

from sen2naip_sr.sources.parameters import IngestionParameters

logger = logging.getLogger(__name__)

FEW_PLACES = 5
EQUAL_AREA = "EPSG:6933"
"""A world-wide projection in metres, so that one grid serves scenes of several UTM zones."""


def assign_places(index: pd.DataFrame, parameters: IngestionParameters) -> pd.Series:
    """Return the place of every chip by ``parameters.place``.

    Args:
        index: Chips with columns file, crs ("" if none) and left, bottom, right, top.
        parameters: The rule.
    """
    folders = index["file"].map(_folder)
    if parameters.place == "folder":
        return folders
    if parameters.place == "file":
        return index["file"]
    if parameters.place == "grid":
        return _grid_or_file(index, parameters.grid_metres)
    if folders.nunique() >= FEW_PLACES:
        return folders
    cells = _grid_or_file(index, parameters.grid_metres)
    if (index["crs"] != "").all() and cells.nunique() >= FEW_PLACES:
        return cells
    if index["file"].nunique() > folders.nunique():
        logger.warning(
            "Every file counts as a place of its own, since there are only %d folders and too "
            "few grid cells. If files show the same ground, set ingestion.place.",
            folders.nunique(),
        )
        return index["file"]
    return cells


def assign_locations(index: pd.DataFrame, parameters: IngestionParameters) -> pd.Series:
    """Return the piece of ground of every chip: equal for chips of the same ground.

    Georeferenced chips are told apart by their bounds, others by file name (without the part
    that ``parameters.date_pattern`` matches) and position.

    Args:
        index: As for `assign_places`, with column place, row and column too.
        parameters: The rule.
    """
    pattern = re.compile(parameters.date_pattern) if parameters.date_pattern else None

    def locate(chip: "pd.Series[str]") -> str:
        if chip["crs"]:
            return f"{chip['crs']} {chip['left']:.6g} {chip['top']:.8g} {chip['right']:.6g}"
        name = pattern.sub("", chip["file"]) if pattern else chip["file"]
        return f"{name} {chip['row']} {chip['column']}"

    return index.apply(locate, axis=1)


def _folder(file: str) -> str:
    parent = PurePosixPath(file).parent.as_posix()
    return "(top folder)" if parent == "." else parent


def _grid_or_file(index: pd.DataFrame, metres: float) -> pd.Series:
    """Return the grid cell of each chip's centre; chips without a CRS keep their file's name."""
    places = index["file"].copy()
    x = (index["left"] + index["right"]).to_numpy() / 2
    y = (index["bottom"] + index["top"]).to_numpy() / 2
    for crs, rows in index.groupby("crs").groups.items():
        if crs == "":
            continue
        at = index.index.get_indexer(rows)
        east, north = transform(str(crs), EQUAL_AREA, x[at].tolist(), y[at].tolist())
        cells = np.floor(np.column_stack([east, north]) / metres).astype(int)
        places.iloc[at] = [f"cell {column} {row}" for column, row in cells]
    return places
