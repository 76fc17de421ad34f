"""Explanations of test chips."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import TEST, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.chips.validity import valid_pixels
from sen2naip_sr.degradation import RECIPES, SCALE, Recipe
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.seen import TestChips
from sen2naip_sr.explain.attribution.bands import windows_by_class
from sen2naip_sr.explain.explanation import (
    Explanation,
    Image,
    explain,
)
from sen2naip_sr.explain.land_cover import classify
from sen2naip_sr.explain.parameters import ExplainParameters
from sen2naip_sr.explain.subjects import Subject, subjects
from sen2naip_sr.explain.tables import details_of, row_of
from sen2naip_sr.explain.windows import Window, most_detailed_window, require_inside
from sen2naip_sr.explain.words import describe
from sen2naip_sr.inference.predict import predict
from sen2naip_sr.inference.values import normalise
from sen2naip_sr.metrics.full_reference import score
from sen2naip_sr.progress import track
from sen2naip_sr.weights.files import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Explained:
    """What explanations leave.

    Attributes:
        table: A row for each image and network; see `sen2naip_sr.explain.tables.row_of`.
        details: Everything else, in long form; see `details_of` there.
        findings: What they show, in words.
        figures: A figure for each image, by a name for its file.
    """

    table: pd.DataFrame
    details: pd.DataFrame
    findings: str
    figures: "dict[str, Figure]"


def explain_chips(
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: ExplainParameters,
    weights: Mapping[str, Weights | None],
) -> Explained:
    """Explain networks on test chips.

    Args:
        hr: HR chips, the truth.
        lr: LR chips.
        splits: Which chips are tested on.
        parameters: Which networks and chips, and how.
        weights: Of networks, by their names.

    Raises:
        UserError: If there are no weights, no such chips, or the chips are too small.
    """
    p = parameters
    subjects_ = subjects(p.models, weights, p.weights, hr.manifest.shape[1])
    _warn_of_seen(hr, splits, {name: weights.get(name) for name in p.models})
    roles = _choose(hr, lr, splits, subjects_, p)
    rows, details, texts, figures = [], [], [], {}
    for chip, role in track(list(roles.items()), "Explaining", len(roles)):
        image = _image(hr, lr, chip, role, p)
        found = explain_image(image, subjects_, None, p)
        rows += [row_of(image, one) for one in found]
        details += [details_of(image, one) for one in found]
        texts.append(describe(image, found))
        figures[f"chip_{chip}"] = draw(image, found, synthetic=bool(hr.attributes["synthetic"]))
    return Explained(
        pd.DataFrame(rows),
        pd.concat(details, ignore_index=True),
        "\n\n".join(texts) + "\n",
        figures,
    )


def explain_image(
    image: Image, networks: Sequence[Subject], window: Window | None, parameters: ExplainParameters
) -> list[Explanation]:
    """Explain networks at one window of an image; the last is the reference.

    Args:
        image: The image.
        networks: The networks, the reference last.
        window: The window; None: the most detailed one whose surroundings lie in the image.
        parameters: How.

    Raises:
        UserError: If the image is too small for a window, or the window is too near to its border.
    """
    reach = max(network.reach for network in networks)
    multiple = max(network.network.multiple for network in networks)
    if window is None:
        window = most_detailed_window(image.lr, parameters.window, reach, multiple)
    if window is None:
        height, width = image.lr.shape[1:]
        raise UserError(
            "image-too-small-to-explain",
            f"{image.name}: {width} x {height} pixels; a window of {parameters.window} pixels "
            f"needs {reach} more on each side, since that is what a network sees",
            "give larger images, a smaller window, or networks that see less",
        )
    require_inside(window, image.lr.shape, reach, multiple)
    reference = predict(networks[-1].network, image.lr[None], image.value_range)[0]
    scaled = normalise(image.lr, image.value_range)
    windows = windows_by_class(scaled, classify(scaled), window, reach, multiple)
    return [explain(network, image, windows, reference, parameters) for network in networks]


def draw(image: Image, found: Sequence[Explanation], *, synthetic: bool = False) -> "Figure":
    """Draw the figure of an image; matplotlib is imported here."""
    from sen2naip_sr.explain.figures.figure import draw_explanation

    return draw_explanation(image, found, synthetic=synthetic)


def downscaled(recipe: Recipe, image: Array) -> Array:
    """Downscale an image (C, 2h, 2w) by a recipe without its random part: (C, h, w), float64."""
    return recipe.downscale(torch.from_numpy(image)[None], None)[0].numpy()


def _choose(
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    networks: Sequence[Subject],
    p: ExplainParameters,
) -> dict[int, str]:
    """Return the chips to explain, and why each was chosen."""
    if p.ids is not None:
        count = hr.manifest.shape[0]
        wrong = [chip for chip in p.ids if not 0 <= chip < count]
        if wrong:
            raise UserError(
                "unknown-chip",
                f"there is no chip {wrong[0]}: chips have the numbers 0 to {count - 1}",
                "give the numbers of chips that are there",
            )
        return dict.fromkeys(p.ids, "")
    tested = splits.loc[splits["split"] == TEST, "chip"].to_numpy()
    if not len(tested):
        raise UserError("no-test-chip", "there is no test chip", "hold out places for the test")
    chips = spread(tested, min(p.candidates, len(tested)))
    whole = [chip for chip in chips.tolist() if valid_pixels(hr.validity, chip) is None]
    gains = {
        chip: _gain(hr, lr, chip, networks[0], networks[-1])
        for chip in track(whole or chips.tolist(), "Choosing chips", len(whole or chips))
    }
    ranked = sorted(gains, key=lambda chip: (-gains[chip], chip))
    count = min(p.chips, len(ranked))
    at = np.unique(np.linspace(0, len(ranked) - 1, count).round().astype(int))
    names = {0: "best gain", len(ranked) - 1: "worst gain", at[len(at) // 2]: "median gain"}
    return {ranked[n]: names.get(n, f"gain {n + 1} of {len(ranked)}") for n in at.tolist()}


def _gain(hr: Store, lr: Store, chip: int, network: Subject, reference: Subject) -> float:
    value_range = hr.attributes["value_range"]
    truth = torch.from_numpy(hr.chips[chip][None].astype(np.float64))
    psnr = []
    for subject in (network, reference):
        made = predict(subject.network, lr.chips[chip][None], value_range).astype(np.float64)
        data_range = value_range[1] - value_range[0]
        found = score(torch.from_numpy(made), truth, data_range=data_range, only=("psnr",))
        psnr.append(float(found.chip["psnr"][0]))
    return psnr[0] - psnr[1]


def _image(hr: Store, lr: Store, chip: int, role: str, p: ExplainParameters) -> Image:
    index = hr.table("index")
    row = index[index["chip"] == chip].iloc[0].to_dict()
    recipe = RECIPES[lr.attributes["recipe"].partition("@")[0]]
    return Image(
        name=f"chip {chip}",
        lr=lr.chips[chip],
        value_range=tuple(hr.attributes["value_range"]),
        downscale=partial(downscaled, recipe),
        bands=tuple(hr.attributes["bands"]),
        truth=hr.chips[chip],
        pixel_metres=p.pixel_metres or _metres(row),
        place=str(row.get("place", "")),
        role=role,
    )


def _metres(row: Mapping[Any, Any]) -> float | None:
    """Return LR's pixel size by a chip's row of the index, if its coordinates are metres."""
    from rasterio.crs import CRS

    if not row.get("crs"):
        return None
    crs = CRS.from_user_input(row["crs"])
    if not crs.is_projected or crs.linear_units.lower() not in ("metre", "meter"):
        return None
    return SCALE * abs(float(json.loads(str(row["transform"]))[0]))


def _warn_of_seen(hr: Store, splits: pd.DataFrame, weights: Mapping[str, Weights | None]) -> None:
    tested = TestChips(hr, splits)
    for name, own in weights.items():
        if own is not None and (seen := tested.seen_by(own.metadata, "test")):
            logger.warning(
                "%s was trained on %s: its gain says nothing of other ground", name, seen
            )
