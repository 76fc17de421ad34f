"""The place and the location of every chip."""

import logging
import re

import numpy as np
import pandas as pd
from rasterio.warp import transform

from sen2naip_sr.chips.footprints import EQUAL_AREA, Footprints, overlapping
from sen2naip_sr.sources.parameters import IngestionParameters

logger = logging.getLogger(__name__)

MANY_PLACES = 5
FEWEST_PLACES = 3


def assign_places(index: pd.DataFrame, parameters: IngestionParameters) -> pd.Series:
    """Return the place of every chip by the rule ``parameters.place``.

    The index has columns file, crs ("" if none) and left, bottom, right, top.
    """
    if parameters.place == "file":
        return index["file"]
    folders = index["file"].map(_folder)
    enough_folders = parameters.place == "auto" and folders.nunique() >= MANY_PLACES
    if parameters.place == "folder" or enough_folders:
        return folders
    cells = _grid_or_file(index, parameters.grid_metres)
    if parameters.place == "grid":
        return cells
    for enough in (MANY_PLACES, FEWEST_PLACES):
        for places in (folders, cells):
            if places.nunique() >= enough:
                if places is cells and (index["crs"] == "").any():
                    _warn_of_files()
                return places
    if index["file"].nunique() > 1:
        _warn_of_files()
    return index["file"]


def _warn_of_files() -> None:
    logger.warning(
        "Each file counts as a place, since there are too few folders and grid cells. If files "
        "overlap or are neighbours, scores will be too high: "
        "put each place in a folder of its own, or choose how places are assigned."
    )


def assign_locations(index: pd.DataFrame, parameters: IngestionParameters) -> pd.Series:
    """Return the location of every chip, equal for chips that show the same ground, even in part.

    For chips with a CRS it is their bounds, rounded to between 1/1000 and 1/10000 of their side.
    Chips whose footprints overlap, directly or through others, have the location of the first of
    them. For chips without a CRS it is the file name, without the part that
    ``parameters.date_pattern`` matches, and the position. The index is as for `assign_places`, with
    columns row, column and transform too.
    """
    pattern = re.compile(parameters.date_pattern) if parameters.date_pattern else None

    def by_bounds(crs: str, *bounds: float) -> str:
        # the exponent of a rounded number: a side of 999.9999999 m has as many digits as 1000 m
        exponent = int(f"{min(bounds[2] - bounds[0], bounds[3] - bounds[1]):.3e}".split("e")[1])
        digits = 4 - exponent
        return " ".join([crs, *(f"{round(b, digits) + 0.0:.{max(digits, 0)}f}" for b in bounds)])

    def by_name(file: str, row: int, column: int) -> str:
        return f"{pattern.sub('', file) if pattern else file} {row} {column}"

    columns = ["file", "row", "column", "crs", "left", "bottom", "right", "top"]
    locations = pd.Series(
        [
            by_bounds(crs, *bounds) if crs else by_name(file, row, column)
            for file, row, column, crs, *bounds in index[columns].itertuples(index=False)
        ],
        index=index.index,
    )
    return _joined(locations, index)


def _joined(locations: pd.Series, index: pd.DataFrame) -> pd.Series:
    """Return locations with one name for those whose footprints overlap, the first one's."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    first = ~locations.duplicated() & (index["crs"] != "")
    names = locations[first].to_numpy()
    if len(names) < 2:
        return locations
    ground = Footprints.of(index[first])
    pairs = overlapping(ground, ground)
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    _, leader = np.unique(component, return_index=True)
    return locations.replace(dict(zip(names, names[leader[component]], strict=True)))


def _folder(file: str) -> str:
    return file.rpartition("/")[0] or "(top folder)"


def _grid_or_file(index: pd.DataFrame, metres: float) -> pd.Series:
    """Return the grid cell of each chip's centre; chips without a CRS keep their file's name."""
    places = index["file"].astype(object)
    x = (index["left"] + index["right"]).to_numpy() / 2
    y = (index["bottom"] + index["top"]).to_numpy() / 2
    for crs, rows in index.groupby("crs").groups.items():
        if crs == "":
            continue
        at = index.index.get_indexer(rows)
        east, north = transform(str(crs), EQUAL_AREA, x[at].tolist(), y[at].tolist())
        centres = np.column_stack([east, north]) / metres
        # a chip beyond the Earth's edge has no cell
        inside = np.isfinite(centres).all(axis=1)
        cells = np.floor(centres[inside]).astype(int)
        places.iloc[at[inside]] = [f"cell {column} {row}" for column, row in cells]
    return places
