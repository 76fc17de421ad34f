"""Record in weights files what they have seen, for weights that were trained without recording it.

    python -m sen2naip_sr.release.seen WEIGHTS... --imagery FOLDER...

Of the folders, the files count that are called, or whose folder is called, as one of the weights'
training places. The tensors stay as they are. The model card and the scores beside a file name its
new hash.
"""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.progress import track
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.release.calibrate import SCORES
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.training.mixture.bank import cut_image
from sen2naip_sr.training.mixture.reading import footprint, read_image
from sen2naip_sr.training.mixture.sources import LARGEST_CHIP
from sen2naip_sr.weights.files import load_weights, save_weights
from sen2naip_sr.weights.seen import LOOK_BYTES, Seen, look

logger = logging.getLogger(__name__)

NAMING = (".md", ".scores.json")
"""Endings of the files beside weights that name their SHA-256."""


def imagery_by_place(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the rasters of folders by the names of their folders, and each by its own name.

    Raises:
        UserError: If a folder is missing or empty.
    """
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for file in DirectorySource(folder).files():
            path = folder / file.name
            for name in {path.resolve().parent.name, path.stem}:
                found.setdefault(name, []).append(path)
    return found


def seen_in(file: Path) -> Seen:
    """Return the ground and the looks of a raster as trainings cut it.

    Raises:
        UserError: If it cannot be read.
    """
    with open_scene(file) as scene:
        where = footprint(scene)
        # what is filled here was seen in one way or another
        image = replace(read_image(scene), valid=None)
    side = min(LARGEST_CHIP, *image.values.shape[1:])
    looks = [look(chip) for chip in cut_image(image, side, step=side)]
    ground = Footprints.boxes([where] if where else [])
    return Seen.of(ground, np.array(looks, np.uint8).reshape(-1, LOOK_BYTES))


def record_seen(
    weights: Path,
    imagery: Mapping[str, Seen],
    invented: Collection[str] = (),
    *,
    packed: bool = False,
) -> Seen:
    """Write into a weights file what it has seen. Files beside it name its new SHA-256.

    It is complete if all of the training places are known, but for the invented ones.

    Args:
        weights: The file.
        imagery: By training place.
        invented: Training places of synthetic images, which show no ground.
        packed: Pack the tensors, too. Those of a packed file are packed in any case.

    Raises:
        UserError: If no place is known, or the file is damaged.
    """
    found = load_weights(weights)
    wanted = set(found.metadata.train_places)
    if not wanted & imagery.keys():
        raise UserError(
            "no-training-place-found",
            f"{weights}: none of its places ({', '.join(sorted(wanted))}) is in the imagery",
            "give the folders that it was trained on, named as its places",
        )
    parts = [imagery[place] for place in sorted(wanted & imagery.keys())]
    if missing := sorted(wanted - imagery.keys() - set(invented)):
        logger.warning("%s: no imagery of %s", weights, ", ".join(missing))
        parts.append(Seen(complete=False))
    seen = Seen.together(parts)
    before = _digest(weights)
    known = found.metadata.model_copy(update={"seen": seen})
    save_weights(weights, found.state, known, packed=packed or found.packed)
    for beside in [*map(weights.with_suffix, NAMING), weights.with_name(SCORES)]:
        if beside.exists():
            text = beside.read_text(encoding="utf-8").replace(before, _digest(weights))
            write_atomically(beside, text.encode())
    return seen


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@click.command()
@click.argument("weights", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--imagery", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--invented", multiple=True, help="A training place of synthetic images.")
@click.option("--packed", is_flag=True, help="Store the tensors in fewer bytes, without loss.")
def main(
    weights: Sequence[Path], imagery: Sequence[Path], invented: Sequence[str], packed: bool
) -> None:
    """Record in WEIGHTS what their training places show in the imagery."""
    wanted = {place for path in weights for place in load_weights(path).metadata.train_places}
    named = imagery_by_place(imagery)
    seen = {
        place: Seen.together(map(seen_in, track(named[place], place, len(named[place]))))
        for place in sorted(wanted & named.keys())
    }
    for path in weights:
        recorded = record_seen(path, seen, invented, packed=packed)
        click.echo(f"{path}: {'complete' if recorded.complete else 'not complete'}")


if __name__ == "__main__":
    main()
