"""Record in weights files what they have seen, for weights that were trained without recording it.

    python -m sen2naip_sr.release.seen WEIGHTS... --imagery FOLDER...

Of the folders, the chips count whose folder or file is called as one of the weights' training
places. The tensors stay as they are.
"""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sen2naip_sr.chips.store import Store, require_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.weights.files import load_weights, save_weights
from sen2naip_sr.weights.seen import Seen

logger = logging.getLogger(__name__)


def record_seen(weights: Path, stores: Sequence[Store], invented: Collection[str] = ()) -> Seen:
    """Write into a weights file which chips of its training places stores hold.

    It is complete if all of the training places are found, but for the ``invented`` ones, which
    show no ground.

    Raises:
        UserError: If none of them is, or the file is damaged.
    """
    found = load_weights(weights)
    wanted = set(found.metadata.train_places)
    parts: list[Seen] = []
    places: set[str] = set()
    for store in stores:
        index = store.table("index")
        named_by = index[["place", "file"]].astype(str).itertuples(index=False)
        names = [{Path(place).name, Path(file).stem} & wanted for place, file in named_by]
        own = index[[bool(named) for named in names]]
        places = places.union(*names)
        parts.append(Seen.in_chips(index, store.chips, own["chip"].to_numpy()))
    if not places:
        raise UserError(
            "no-training-place-found",
            f"{weights}: no chip of its places ({', '.join(sorted(wanted))}) is in the imagery",
            "give the folders that it was trained on, named as its places",
        )
    if missing := sorted(wanted - places - set(invented)):
        logger.warning("%s: no imagery of %s", weights, ", ".join(missing))
        parts.append(Seen(complete=False))
    seen = Seen.together(parts)
    save_weights(weights, found.state, found.metadata.model_copy(update={"seen": seen}))
    return seen


@click.command()
@click.argument("weights", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--imagery", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--range", "value_range", nargs=2, type=float, default=(0, 255), show_default=True)
@click.option("--invented", multiple=True, help="A training place of synthetic images.")
def main(
    weights: Sequence[Path],
    imagery: Sequence[Path],
    value_range: tuple[float, float],
    invented: Sequence[str],
) -> None:
    """Record in WEIGHTS which chips of their training places the imagery shows."""
    with TemporaryDirectory() as made:
        stores = []
        for number, folder in enumerate(imagery):
            parameters = IngestionParameters(
                source="directory",
                path=str(folder),
                place="folder",
                value_range=value_range,
                min_valid_fraction=0.01,
            )
            target = Path(made, str(number))
            Ingestion(DirectorySource(folder), parameters).make(target)
            stores.append(require_store(target))
        for path in weights:
            seen = record_seen(path, stores, invented)
            click.echo(f"{path}: {'complete' if seen.complete else 'not complete'}")


if __name__ == "__main__":
    main()
