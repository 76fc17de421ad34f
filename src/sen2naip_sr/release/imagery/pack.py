"""Pack GeoTIFFs losslessly, for trainings on machines with neither GDAL nor a network."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sen2naip_sr.degradation.truth import EIGHT_BITS
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.release.imagery.bank import LARGEST
from sen2naip_sr.release.imagery.leaves import NAME, dead_leaves
from sen2naip_sr.release.imagery.packed import DTYPES, PackedImage, Place, write_place
from sen2naip_sr.training.mixture.images import Image, location_of
from sen2naip_sr.training.mixture.reading import read_image

logger = logging.getLogger(__name__)

BANDS = (1, 2, 3, 4)
ENDINGS = (".tif", ".tiff")
_SCATTER = (5**0.5 - 1) / 2
"""Multiples of the golden ratio, modulo one, spread evenly however many there are."""


def pack(sources: Sequence[Path], folder: Path, most: float | None = None) -> list[Place]:
    """Pack places into one file each.

    Args:
        sources: A folder of GeoTIFFs is a place, a GeoTIFF is one of its own. Places whose names
            differ from the first year on are at one location.
        folder: Where the files are written.
        most: Largest size of all files together, MB (10^6 bytes). If there is more, every place
            keeps the same share of its images, at least one. None: no limit.

    Returns:
        What was packed.

    Raises:
        UserError: If a source has no GeoTIFF, or one that cannot be used.
    """
    places = [_place(source) for source in sources]
    for place in (kept := places if most is None else fitting(places, 1e6 * most)):
        write_place(folder, place)
        size = sum(image.size for image in place.images) / 1e6
        logger.info("%s (%s): %d images, %.1f MB", *_named(place), len(place.images), size)
    return kept


def pack_leaves(count: int, folder: Path) -> None:
    """Make so many synthetic images, and pack them as a place of their own."""
    images = [Image(image, None, (0, EIGHT_BITS)) for image in dead_leaves(count, LARGEST)]
    write_place(folder, Place(NAME, NAME, tuple(map(PackedImage.of, images))))


def fitting(places: Sequence[Place], most: float) -> list[Place]:
    """Return places with as many of their images as fit into so many bytes.

    Args:
        places: The places.
        most: Bytes.
    """
    ranked = sorted(
        (rank / len(place.images), number, chosen)
        for number, place in enumerate(places)
        for rank, chosen in enumerate(_scattered(len(place.images)))
    )
    kept: list[list[int]] = [[] for _ in places]
    left = most
    for share, number, chosen in ranked:
        left -= places[number].images[chosen].size
        if left < 0 and share > 0:
            break
        kept[number].append(chosen)
    return [
        Place(place.name, place.location, tuple(place.images[k] for k in sorted(chosen)))
        for place, chosen in zip(places, kept, strict=True)
    ]


def _named(place: Place) -> tuple[str, str]:
    return place.name, place.location


def _scattered(count: int) -> list[int]:
    return sorted(range(count), key=lambda k: k * _SCATTER % 1)


def name_of(source: Path) -> str:
    """Return the name of the place that a source is."""
    return source.name if source.is_dir() else source.stem


def files_of(source: Path) -> list[Path]:
    """Return the GeoTIFFs of a place: those of a folder, or one.

    Raises:
        UserError: If there is none.
    """
    files = [source]
    if source.is_dir():
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in ENDINGS)
    if not files:
        raise UserError(
            "imagery-missing", f"{source}: no GeoTIFF", "name a GeoTIFF or a folder of GeoTIFFs"
        )
    return files


def _place(source: Path) -> Place:
    files = files_of(source)
    # LZMA leaves the interpreter to other threads
    with ThreadPoolExecutor() as pool:
        images = tuple(pool.map(lambda file: PackedImage.of(read_file(file)), files))
    name = name_of(source)
    return Place(name, location_of(name), images)


def read_file(file: Path) -> Image:
    """Read the `BANDS` of a GeoTIFF.

    Raises:
        UserError: If it cannot be used.
    """
    with open_scene(file, BANDS) as scene:
        if scene.dtype.name not in DTYPES:
            raise UserError(
                "dtype-unsupported",
                f"{file}: values are {scene.dtype}",
                f"give imagery in {' or '.join(DTYPES)}",
            )
        return read_image(scene)
