"""Which chips each site has, which of them it trains on, and whether sites fit together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import TRAIN, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.federated.task import Task
from sen2naip_sr.parameters import describe_unknown
from sen2naip_sr.training.crops.sampler import TrainingData


@dataclass(frozen=True)
class SiteChips:
    """The numbers of a site's chips, int: those it trains on, and those it holds out."""

    train: Array
    held_out: Array


@dataclass(frozen=True)
class Site:
    """A site: what it trains on, what it is, and where it keeps its state.

    Attributes:
        name: Its name.
        data: Its chips; those that it holds out are called validation.
        recipe: The id of the recipe that made its LR images.
        folder: Where it keeps the state of its optimiser; None: it keeps none.
        accelerator: Its device; see `sen2naip_sr.training.parameters.TrainingParameters`.
        clip: The largest norm of a change of the weights that it sends: a server that does not ask
            for clipping to this norm or a smaller one is refused. None: the server decides.
    """

    name: str
    data: TrainingData
    recipe: str
    folder: Path | None = None
    accelerator: str = "auto"
    clip: float | None = None

    @property
    def bands(self) -> int:
        """Bands of its images."""
        return int(self.data.hr.shape[1])

    def seed(self, seed: int) -> int:
        """Return the site's own seed of crops, whatever the other sites are."""
        return int(hashlib.sha256(f"{seed} {self.name}".encode()).hexdigest()[:8], 16)

    def require_fit(self, task: Task) -> None:
        """Check that the site's imagery is what the task is about.

        Raises:
            UserError: If it has other bands, another recipe or another value range.
        """
        own = {
            "bands": self.bands,
            "recipe": self.recipe,
            "value range": tuple(map(float, self.data.value_range)),
        }
        asked = {
            "bands": task.bands,
            "recipe": task.recipe,
            "value range": tuple(map(float, task.value_range)),
        }
        for what, value in asked.items():
            if own[what] != value:
                raise UserError(
                    "site-differs",
                    f"site '{self.name}': its {what}: {own[what]}; the federated training's: "
                    f"{value}",
                    "prepare the site's imagery as the others do, or leave it out",
                )


def plan_sites(
    splits: pd.DataFrame, sites: Mapping[str, Sequence[str] | None], held_out: float, fewest: int
) -> dict[str, SiteChips]:
    """Return the chips of each site, by name, in the order of names.

    Locations that one site holds out are held out by all.

    Args:
        splits: From `sen2naip_sr.chips.splits.make_splits`; training places alone take part.
        sites: Places by site; empty: each place is a site.
        held_out: The share of a site's locations that it holds out, at least one.
        fewest: The smallest number of training chips of a site.

    Raises:
        UserError: If a place is unknown or of two sites, there are fewer than two sites, or one has
            too few chips.
    """
    training = splits[splits["split"] == TRAIN]
    table = _table(training, sites)
    if len(table) < 2:
        raise UserError(
            "too-few-sites",
            f"there are {len(table)} sites: a federated training needs two or more",
            "add imagery of other places, or give places to more sites",
        )
    own = {name: training[training["place"].isin(places)] for name, places in table.items()}
    kept: set[str] = set()
    for chips in own.values():
        kept |= _held_out(chips, held_out)
    return {name: _divide(name, chips, kept, fewest) for name, chips in own.items()}


def plan_site(name: str, chips: pd.DataFrame, held_out: float, fewest: int) -> SiteChips:
    """Return the chips of a site whose table holds nothing else; see `plan_sites`.

    Raises:
        UserError: If it has too few chips.
    """
    return _divide(name, chips, _held_out(chips, held_out), fewest)


def _table(
    training: pd.DataFrame, sites: Mapping[str, Sequence[str] | None]
) -> dict[str, list[str]]:
    known = sorted(training["place"].unique())
    if not sites:
        return {place: [place] for place in known}
    owner: dict[str, str] = {}
    for name, places in sites.items():
        for place in places or ():
            if place not in known:
                raise UserError(
                    "unknown-place",
                    describe_unknown(f"place of site '{name}'", place, known),
                    "choose from the valid names: places of validation and test have no site",
                )
            if owner.setdefault(place, name) != name:
                raise UserError(
                    "place-of-two-sites",
                    f"the place '{place}' is of the sites '{owner[place]}' and '{name}'",
                    "give it to one",
                )
    return {name: list(sites[name] or ()) for name in sorted(sites)}


def _held_out(chips: pd.DataFrame, share: float) -> set[str]:
    locations = np.array(list(dict.fromkeys(chips["location"])))
    return set(spread(locations, max(1, round(share * len(locations)))).tolist())


def _divide(name: str, chips: pd.DataFrame, kept: set[str], fewest: int) -> SiteChips:
    out = chips["location"].isin(kept)
    found = SiteChips(chips.loc[~out, "chip"].to_numpy(), chips.loc[out, "chip"].to_numpy())
    require_chips(name, found, fewest)
    return found


def require_chips(name: str, chips: SiteChips, fewest: int) -> None:
    """Check that a site has enough chips to train on, and some to hold out.

    Raises:
        UserError: If it has not.
    """
    if len(chips.train) < fewest or len(chips.held_out) == 0:
        raise UserError(
            "site-too-small",
            f"site '{name}': {len(chips.train)} chips to train on and {len(chips.held_out)} to "
            f"hold out; it needs {fewest} and one, of different locations",
            "give it more places, or leave it out",
        )


def deal(sites: Mapping[str, SiteChips], splits: pd.DataFrame, seed: int) -> dict[str, SiteChips]:
    """Return sites as large as these with the same training chips, dealt at random by location."""
    location = splits.drop_duplicates("chip").set_index("chip")["location"]
    every = np.concatenate([chips.train for chips in sites.values()])
    groups = [group.tolist() for _, group in pd.Series(every).groupby(location[every].to_numpy())]
    order = np.random.default_rng(seed).permutation(len(groups))
    hands: dict[str, list[int]] = {name: [] for name in sites}
    for number in order:
        # to the site that lacks most, so that all become as large as they were
        name = max(hands, key=lambda one: len(sites[one].train) - len(hands[one]))
        hands[name] += groups[number]
    return {
        name: replace(sites[name], train=np.array(sorted(chips))) for name, chips in hands.items()
    }


def make_sites(
    plan: Mapping[str, SiteChips], hr: Store, lr: Store, accelerator: str, folder: Path | None
) -> list[Site]:
    """Return sites that all lie in one pair of stores.

    Args:
        plan: Their chips, by name.
        hr: HR chips.
        lr: LR chips.
        accelerator: Their device.
        folder: Each gets a folder below it; None: they keep nothing.
    """
    return [
        make_site(name, chips, hr, lr, accelerator, folder and folder / name)
        for name, chips in plan.items()
    ]


def make_site(  # noqa: PLR0913, PLR0917 - what a site is
    name: str, chips: SiteChips, hr: Store, lr: Store, accelerator: str, folder: Path | None
) -> Site:
    """Return a site whose imagery lies in a pair of stores."""
    low, high = hr.attributes["value_range"]
    recipe = lr.attributes["recipe"]
    data = TrainingData(
        hr.chips,
        lr.chips,
        chips.train,
        chips.held_out,
        (low, high),
        get_recipe(recipe.partition("@")[0]),
        hr_validity=hr.validity,
        lr_validity=lr.validity,
    )
    return Site(name, data, recipe, folder, accelerator)
