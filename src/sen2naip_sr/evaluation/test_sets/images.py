"""The images of a test set: read, cut, downsampled."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rasterio.windows import Window, bounds

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.cutting import Chip, Rejection, chip_windows, cut_chip
from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.lr_store import chip_seed, downscale_valid
from sen2naip_sr.chips.splits import spread
from sen2naip_sr.degradation import SCALE, Recipe
from sen2naip_sr.degradation.validity import scored_pixels
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.place_parameters import PlaceParameters
from sen2naip_sr.inference.values import ValueRange, choose_range, parse_range
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.sources.base import PathFile
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.places import assign_locations
from sen2naip_sr.weights.seen import LOOK_BYTES, look

logger = logging.getLogger(__name__)

LARGEST_LOOK = 1024
"""Images with a longer side, in HR pixels, are compared by their ground only: no training sees so
large ones as a whole."""

SMALLEST = 32
"""Images with a shorter side, in HR pixels, are left out."""


@dataclass(frozen=True)
class Image:
    """One image to score.

    Attributes:
        truth: (C, 2h, 2w), digital numbers in the file's dtype.
        small: The LR image (C, h, w) in the same dtype.
        value_range: Digital numbers that become 0 and 1.
        location: Equal for images with the same footprint.
        scored: (C, 2h, 2w), bool, the pixels that count; None: all.
        valid: (C, h, w), bool, the valid pixels of ``small``; None: all.
    """

    truth: Array
    small: Array
    value_range: ValueRange
    location: str
    scored: Array | None = None
    valid: Array | None = None


def find_files(
    name: str, place: PlaceParameters, folder: Path, most: int | None = None
) -> list[PathFile]:
    """Return a test set's files, sorted by name; names begin with the folder that was given.

    Of more than ``most`` files, so many are chosen, spread evenly.

    Raises:
        UserError: If a folder or a file is missing, or a folder has no GeoTIFF.
    """
    found = []
    for text in place.path:
        path = folder / text
        if path.is_file():
            found.append(PathFile(path, path.name))
            continue
        try:
            inside = DirectorySource(path).files()
        except UserError as error:
            raise UserError(
                "test-set-missing",
                f"test set {name}: {error.problem}",
                "give a folder of GeoTIFFs, or a GeoTIFF",
            ) from error
        found += [PathFile(path / file.name, f"{path.name}/{file.name}") for file in inside]
    return [found[n] for n in spread(np.arange(len(found)), most or len(found))]


def content_of_files(files: Sequence[PathFile], bands: Sequence[int]) -> tuple[Footprints, Array]:
    """Return the footprints and the looks (n, 16) of files; "" as the system of those without."""
    boxes, looks = [], []
    for file in files:
        # what cannot be opened is left out with a warning when it is scored
        with suppress(UserError), open_scene(file.path, bands) as scene:
            where = scene.georeferencing
            window = Window(0, 0, scene.width, scene.height)
            placed = where.crs is not None and not where.transform.is_identity
            crs = where.crs.to_string() if placed and where.crs else ""
            found = _look_of(scene)
            boxes.append((crs, bounds(window, where.transform)))
            looks.append(found)
    return Footprints.boxes(boxes), np.array(looks, np.uint8).reshape(-1, LOOK_BYTES)


def _look_of(scene: FileScene) -> Array:
    """Return the look of a scene; of a large one that of nothing that is trained on at once."""
    if max(scene.height, scene.width) > LARGEST_LOOK:
        return np.zeros(LOOK_BYTES, np.uint8)
    values, _ = scene.read(0, 0, scene.height, scene.width)
    return look(values)


def images(
    name: str, place: PlaceParameters, files: Sequence[PathFile], factor: int, recipe: Recipe
) -> Iterator[Image]:
    """Yield a test set's images one by one.

    Files and tiles that cannot be used are left out with a warning.

    Args:
        name: The test set's name, for messages.
        place: Its parameters.
        files: From `find_files`.
        factor: Downsample the images by this factor first.
        recipe: Makes the LR images.

    Raises:
        UserError: If no image can be used.
    """
    count = 0
    for file in files:
        problems = []
        for found in _cut(file, place, factor):
            if isinstance(found, Rejection):
                problems.append(found.reason)
                continue
            chip, value_range, location = found
            small, small_valid = downscale_valid(
                chip.pixels, chip.valid, recipe, chip_seed(0, count)
            )
            count += 1
            scored = scored_pixels(chip.valid, small_valid)
            yield Image(chip.pixels, small, value_range, location, scored, small_valid)
        if problems:
            logger.warning(
                "%s, %s: %d left out, the first since: %s",
                name,
                file.name,
                len(problems),
                problems[0],
            )
    if not count:
        raise UserError(
            "test-set-empty",
            f"test set {name}: none of its {len(files)} files can be scored",
            "see the warnings above: check its bands, its tiles and the share of valid pixels",
        )


def _cut(
    file: PathFile, place: PlaceParameters, factor: int
) -> Iterator[tuple[Chip, ValueRange, str] | Rejection]:
    """Yield a file's windows with their value range and location."""
    try:
        with open_scene(file.path, place.bands) as scene:
            value_range = choose_range(parse_range(place.value_range), scene)
            for window in _windows(scene, place.tile, SCALE * factor):
                chip = cut_chip(scene, window, place.min_valid_fraction, factor)
                if isinstance(chip, Rejection):
                    yield chip
                else:
                    yield chip, value_range, _location(file, scene, window, place)
    except UserError as error:
        yield Rejection(error.problem, error.remedy)
    except RASTER_FAULTS as error:
        yield Rejection(f"it cannot be read ({error})", "copy it again")


def _windows(scene: FileScene, tile: int | None, multiple: int) -> list[Window]:
    def shortened(length: int) -> int:
        return length // multiple * multiple

    if tile is not None and tile < max(scene.height, scene.width):
        side = shortened(min(tile, scene.height, scene.width))
        corners = chip_windows(scene.height, scene.width, side) if side else []
        found = [Window(column, row, side, side) for row, column in corners]
    else:
        found = [Window(0, 0, shortened(scene.width), shortened(scene.height))]
    least = SMALLEST * multiple // SCALE
    return [window for window in found if min(window.width, window.height) >= least]


def _location(file: PathFile, scene: FileScene, window: Window, place: PlaceParameters) -> str:
    left, bottom, right, top = bounds(window, scene.georeferencing.transform)
    crs = scene.georeferencing.crs
    index = pd.DataFrame(
        {
            "file": [file.name],
            "row": [int(window.row_off)],
            "column": [int(window.col_off)],
            "crs": [crs.to_string() if crs else ""],
            "left": [left],
            "bottom": [bottom],
            "right": [right],
            "top": [top],
        }
    )
    return str(assign_locations(index, IngestionParameters(date_pattern=place.date_pattern))[0])
