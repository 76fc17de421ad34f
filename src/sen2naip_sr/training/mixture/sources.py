"""The imagery of a mixture, opened: folders of GeoTIFFs and chip stores."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.chips.store import MANIFEST, Store, fingerprint_of, require_store
from sen2naip_sr.chips.validity import valid_pixels
from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.training.mixture.bank import (
    Bank,
    Source,
    StoredBank,
    cut_image,
    shares_passed,
)
from sen2naip_sr.training.mixture.held_out import HeldOut, listed
from sen2naip_sr.training.mixture.reading import footprint, read_images
from sen2naip_sr.training.parameters.mixture import MixtureParameters, SourceParameters
from sen2naip_sr.weights.seen import LOOK_BYTES, Seen, content_of, look

LARGEST_CHIP = 256
"""Images in memory are cut into chips of this side, or larger ones where reductions need them."""

logger = logging.getLogger(__name__)


def open_sources(
    mixture: MixtureParameters, bands: int, crop_size: int, held_out: HeldOut
) -> tuple[Source, ...]:
    """Open the sources of a mixture, without what is held out.

    GeoTIFFs are read into memory, chip stores are not.

    Args:
        mixture: The parameters.
        bands: Image bands of the training.
        crop_size: Side of a crop in LR pixels.
        held_out: What must not be seen. What shows it is left out with a warning.

    Raises:
        UserError: If imagery is missing, damaged, too small or has too few bands, or nothing is
            left to train on.
    """
    sizes = [2 * crop_size * reduction for reduction in mixture.pixel_sizes]
    opened = []
    for name, parameters in mixture.sources.items():
        numbers = _bands(name, parameters, bands)
        path = Path(parameters.path)
        if (path / MANIFEST).is_file():
            source = _stored(name, parameters, numbers, require_store(path), held_out)
        else:
            source = _read(name, parameters, numbers, (min(sizes), max(sizes)), held_out)
        if source:
            opened.append(source)
            sensor = f" ({parameters.sensor})" if parameters.sensor else ""
            logger.info("mixture: %s%s: %s", name, sensor, listed(source.places))
    if not opened and not mixture.own:
        raise UserError(
            "mixture-empty",
            "the mixture's imagery shows held-out places only",
            "give imagery of other places, or draw from the training's own chips too",
        )
    return tuple(opened)


def imagery_hash(mixture: MixtureParameters) -> str:
    """Return a short hash of all files of a mixture's sources.

    Raises:
        UserError: If a source is missing.
    """
    return fingerprint_of({name: _content(Path(s.path)) for name, s in mixture.sources.items()})


def _content(path: Path) -> object:
    if (path / MANIFEST).is_file():
        return require_store(path).manifest.content
    return [(place, file.name, _sha256(file)) for file, place in _files(path)]


def _sha256(file: Path) -> str:
    stat = file.stat()
    return _hashed(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _hashed(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(path: Path) -> list[tuple[Path, str]]:
    """Return the GeoTIFFs of a source, each with its place: its folder, or itself if it is all."""
    if path.is_file():
        return [(path, path.stem)]
    found = [Path(path, file.name) for file in DirectorySource(path).files()]
    return [(file, file.parent.resolve().name) for file in found]


def _bands(name: str, parameters: SourceParameters, bands: int) -> tuple[int, ...]:
    numbers = parameters.bands or tuple(range(1, bands + 1))
    if len(numbers) != bands:
        raise UserError(
            "mixture-bands-differ",
            f"mixture: {name} has {len(numbers)} bands, the training's chips have {bands}",
            "name as many bands, in the same order",
        )
    return numbers


def _stored(
    name: str,
    parameters: SourceParameters,
    numbers: Sequence[int],
    store: Store,
    held_out: HeldOut,
) -> Source | None:
    if max(numbers) > store.chips.shape[1]:
        raise UserError(
            "mixture-bands-differ",
            f"mixture: the chips of {name} have {store.chips.shape[1]} bands",
            "name bands that they have, in the order of the training's",
        )
    index = store.table("index")
    # sensors would spread filled pixels
    whole = [valid_pixels(store.validity, int(chip)) is None for chip in index["chip"]]
    usable = index[whole]
    shown = held_out.shows(*content_of(index, store.chips, usable["chip"].to_numpy()))
    seen: list[tuple[int, str]] = []
    kept: list[tuple[int, str]] = []
    for chip, place, known in zip(usable["chip"], usable["place"].astype(str), shown, strict=True):
        left_out = known or held_out.names(parameters.location or place)
        (seen if left_out else kept).append((int(chip), place))
    _warn(name, [place for _, place in seen])
    if not kept:
        return None
    places = [place for _, place in kept]
    low, high = parameters.value_range or store.attributes["value_range"]
    bank = StoredBank(
        store.chips,
        np.array([chip for chip, _ in kept]),
        shares_passed(places),
        tuple(number - 1 for number in numbers),
        (low, high),
    )
    content = Seen.in_chips(index, store.chips, bank.numbers)
    return Source(name, parameters.share, bank, tuple(sorted(set(places))), content)


def _read(
    name: str,
    parameters: SourceParameters,
    numbers: Sequence[int],
    sizes: tuple[int, int],
    held_out: HeldOut,
) -> Source | None:
    files = _files(Path(parameters.path))
    places = dict(files)

    grounds: dict[Path, Footprints] = {}

    def skipped(scene: FileScene) -> bool:
        path = Path(scene.path)
        where = footprint(scene)
        grounds[path] = Footprints.boxes([where] if where else [])
        named = held_out.names(parameters.location or places[path])
        return named or bool(held_out.shows(grounds[path]).any())

    images = read_images([file for file, _ in files], numbers, parameters.value_range, skipped)
    shown = list(zip(files, images, strict=True))
    _warn(name, [place for (_, place), image in shown if image is None])
    kept = [(*file, image) for file, image in shown if image is not None]
    if not kept:
        return None
    smallest, largest = sizes
    usable = [each for each in kept if min(each[2].values.shape[1:]) >= smallest]
    if len(usable) < len(kept):
        count = len(kept) - len(usable)
        logger.warning("mixture: %s: %d images are smaller than a crop: left out", name, count)
    if len({image.values.dtype == np.uint8 for *_, image in usable}) > 1:
        raise UserError(
            "mixture-depths-differ",
            f"mixture: {name} has imagery of 8 bits and of more",
            "make two sources of it",
        )
    shorter = [min(image.values.shape[1:]) for *_, image in usable]
    side = min([max(LARGEST_CHIP, largest), *shorter])
    cut: dict[str, list[Array]] = {}
    seen, again = [], []
    for file, place, image in usable:
        chips = cut_image(image, side, step=side)
        looks = np.array([look(chip) for chip in chips], np.uint8).reshape(-1, LOOK_BYTES)
        if held_out.shows(Footprints.unknown(len(chips)), looks).any():
            again.append(place)
            continue
        cut.setdefault(place, []).extend(chips)
        seen.append(Seen.of(grounds[file], looks))
    _warn(name, again)
    if again and not cut:
        return None
    content = Seen.together(seen)
    return Source(name, parameters.share, _bank(name, cut), tuple(sorted(cut)), content)


def _bank(name: str, cut: Mapping[str, list[Array]]) -> Bank:
    chips = [chip for of_place in cut.values() for chip in of_place]
    if not chips:
        raise UserError(
            "mixture-too-small",
            f"mixture: {name} has no image with a crop of valid pixels",
            "choose smaller crops, or leave the source out",
        )
    groups = [place for place, of_place in cut.items() for _ in of_place]
    deep = chips[0].dtype != np.uint8
    return Bank(torch.from_numpy(np.stack(chips)), shares_passed(groups), deep)


def _warn(name: str, places: Sequence[str]) -> None:
    if places:
        logger.warning(
            "mixture: %s: %d images or chips are left out, since they show places of validation "
            "or test (%s)",
            name,
            len(places),
            listed(set(places)),
        )
