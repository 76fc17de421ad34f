"""Score conditioned weights on degraded chips: blurs, levels of noise and compressions.

    python benchmarks/degraded.py --weights FILE --data PLACE [PLACE ...] --out RESULT.json

A PLACE is a folder of 8-bit GeoTIFFs with four bands. LR of every kind (a *cell*) is made from its
chips, and upscaled with the conditions of each setting:

- ``told``: the truth;
- ``auto``: estimated from a scene, for which chips of the place are put side by side;
- ``chip``: estimated from each chip alone;
- ``blind``: nothing is known;
- ``clean``: those of a clean image made by the recipe.

Cells that RESULT.json already holds, from the same weights and as many chips, are not measured
again. JPEG is Pillow's, not the project's.
"""

import argparse
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from scene_tables import table
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation.blur import (
    DECIMATIONS,
    blur_matrices,
    decimation_matrices,
    downscaled,
    widths,
)
from sen2naip_sr.degradation.compression import table_scale
from sen2naip_sr.files import write_atomically
from sen2naip_sr.inference.estimation.regressor import FILE
from sen2naip_sr.models.conditions import Conditions
from sen2naip_sr.models.interpolation import INTERPOLATIONS, Interpolation
from sen2naip_sr.raster.arrays import ArrayScene
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.upscaling.conditions import tell
from sen2naip_sr.upscaling.parameters import make_options
from sen2naip_sr.weights.files import Weights, load_weights

BLURS = {
    "recipe": ("antialiased", 0.0),
    "area": ("area", 0.0),
    "aliased": ("aliased", 0.0),
    "Gaussian 0.5": ("aliased", 1.0),
    "Gaussian 0.8": ("aliased", 1.6),
}
"""Decimations, and the width of the Gaussian before them in HR pixels."""

NOISES = (0, 1, 3, 5)
"""Standard deviations in digital numbers."""

QUALITIES = (None, 95, 90, 75)
"""Qualities of JPEG; None: not compressed."""

TOLERANCE = -0.05
"""Gains over the best interpolation below it count as losses, in dB."""

SCENE = 16
"""Chips of a place that make a scene."""

CHIPS = 3
"""Chips of a place that are scored."""

MEASURED = ["told", "auto", "blind"]
"""The settings in the documentation's tables."""

TEST_PLACES = ("ca-santa-monica-2020", "ca-central-valley", "wv-3708020-sw")
TEST_PLACE_BESIDE = "oh-brown"

SHAVED, SEED = 4, 5
RANGE = (0.0, 255.0)


@dataclass(frozen=True)
class Cell:
    """A kind of LR: a key of `BLURS`, one of `NOISES`, and one of `QUALITIES`."""

    blur: str
    noise: float
    quality: int | None

    @property
    def name(self) -> str:
        """Return it in words."""
        compressed = f"JPEG {self.quality}" if self.quality else "not compressed"
        return f"{self.blur}, noise {self.noise:g}, {compressed}"

    def observe(self, hr: Tensor) -> Array:
        """Return LR (n, C, h, w), uint8, of HR (n, C, 2h, 2w) from 0 to 255."""
        down, along = (self._matrix(side)[None, None] for side in hr.shape[-2:])
        lr = downscaled(hr, down, along)
        normal = torch.randn(lr.shape, generator=torch.Generator().manual_seed(SEED))
        values = (lr + self.noise * normal).round().clamp(0, 255).byte().numpy()
        return values if self.quality is None else _compressed(values, self.quality)

    def conditions(self, bands: int) -> Conditions:
        """Return the true conditions."""
        width = float(widths(self._matrix(64)))
        return Conditions(
            (self.noise / 255,) * bands,
            ((width, width),) * bands,
            table_scale(self.quality) if self.quality else 0.0,
        )

    def _matrix(self, side: int) -> Tensor:
        decimation, sigma = BLURS[self.blur]
        matrix = decimation_matrices(side)[DECIMATIONS.index(decimation)]
        return matrix @ blur_matrices(torch.tensor(sigma), side)


CELLS = [Cell(*values) for values in product(BLURS, NOISES, QUALITIES)]


def _compressed(values: Array, quality: int) -> Array:
    def band(pixels: Array) -> Array:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return np.stack([np.stack([band(pixels) for pixels in chip]) for chip in values])


@dataclass(frozen=True)
class Place:
    """Chips of one place.

    Attributes:
        hr: (n, C, h, w), from 0 to 255: those of a scene.
        scored: Which of them are scored.
    """

    hr: Tensor
    scored: list[int]

    @classmethod
    def read(cls, folder: Path, chips: int) -> "Place":
        """Read files spread over a folder."""
        files = sorted(folder.glob("*.tif"))
        files = [files[k] for k in _spread(len(files), SCENE)]
        images = []
        for file in files:
            with open_scene(file, [1, 2, 3, 4]) as scene:
                images.append(torch.from_numpy(scene.read(0, 0, scene.height, scene.width)[0]))
        return cls(torch.stack(images).float(), _spread(len(images), chips))


def _spread(count: int, wanted: int) -> list[int]:
    return [k * count // wanted for k in range(wanted)] if wanted < count else list(range(count))


def _mosaic(chips: Array) -> Array:
    """Return chips (n, C, h, w) side by side as an image, as square as can be."""
    columns = int(np.ceil(len(chips) ** 0.5))
    rows = len(chips) // columns
    cut = chips[: rows * columns].reshape(rows, columns, *chips.shape[1:])
    image: Array = cut.transpose(2, 0, 3, 1, 4).reshape(
        chips.shape[1], rows * chips.shape[2], columns * chips.shape[3]
    )
    return image


Given = tuple[Conditions, float]
"""What a network is told, and the sharpness."""

Setting = Callable[[Array, list[int], Cell, Weights], list[Given]]
"""Maps LR of a scene, the scored chips, the cell and the weights to what each chip gets."""


def estimated(image: Array, weights: Weights) -> Given:
    """Return the automatic settings of an image."""
    told = tell(make_options(), ArrayScene(image), RANGE, weights.build)
    return told.conditions, told.sharpness


def _fixed(conditions: Callable[[int, Cell], Conditions]) -> Setting:
    return lambda lr, scored, cell, weights: [(conditions(lr.shape[1], cell), 1.0)] * len(scored)


SETTINGS: dict[str, Setting] = {
    "told": _fixed(lambda bands, cell: cell.conditions(bands)),
    "auto": lambda lr, scored, cell, weights: [estimated(_mosaic(lr), weights)] * len(scored),
    "chip": lambda lr, scored, cell, weights: [estimated(lr[k], weights) for k in scored],
    "blind": _fixed(lambda bands, cell: Conditions.unknown()),
    "clean": _fixed(lambda bands, cell: Conditions.of_recipe(bands)),
}


@torch.inference_mode()
def measure_cell(
    place: Place, cell: Cell, weights: Weights, settings: Iterable[str]
) -> dict[str, Any]:
    """Return PSNR in dB of each setting and interpolation, and what was told."""
    lr = cell.observe(place.hr)
    truth, images = place.hr[place.scored], torch.from_numpy(lr[place.scored]).float() / 255
    psnr = {
        method: psnr_of(Interpolation(method)(images), truth).mean().item()
        for method in INTERPOLATIONS
    }
    told = {}
    for setting in settings:
        given = SETTINGS[setting](lr, place.scored, cell, weights)
        predicted = [
            _upscaled(image[None], each, weights) for each, image in zip(given, images, strict=True)
        ]
        psnr[setting] = psnr_of(torch.cat(predicted), truth).mean().item()
        told[setting] = in_short(*given[0])
    return {"psnr": psnr, "told": told}


def _upscaled(image: Tensor, given: Given, weights: Weights) -> Tensor:
    conditions, sharpness = given
    network = weights.build(conditions)
    network.strength = sharpness  # type: ignore[assignment] # torch takes it for a layer
    result: Tensor = network(image)
    return result


def psnr_of(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the PSNR of each chip: predicted in [0, 1], truth from 0 to 255."""
    off = (255 * predicted).round().clamp(0, 255) - truth
    return 10 * torch.log10(
        255**2 / off[..., SHAVED:-SHAVED, SHAVED:-SHAVED].square().mean((1, 2, 3))
    )


def in_short(conditions: Conditions, sharpness: float) -> str:
    """Return settings in a few characters: noise, blur, compression, sharpness."""
    noise, blur = conditions.noise, conditions.blur
    return "{} {} {} {:g}".format(
        "?" if noise is None else f"{255 * np.mean(noise):.2f}",
        "?" if blur is None else f"{np.mean(blur):.2f}",
        "?" if conditions.compression is None else f"{conditions.compression:.2f}",
        sharpness,
    )


@dataclass(frozen=True)
class Measurement:
    """What is measured.

    Attributes:
        folders: The places.
        chips: Chips of each place to score.
        settings: Keys of `SETTINGS`.
        out: JSON of the result. Its rows are kept if weights, estimator and chips are the same.
    """

    folders: Sequence[Path]
    chips: int
    settings: Sequence[str]
    out: Path

    def make(self, weights: Weights) -> dict[str, Any]:
        """Score every cell of every place, and write each row when it is measured."""
        made_with = {
            "weights": weights.label,
            "estimator": hashlib.sha256(FILE.read_bytes()).hexdigest()[:12],
            "chips": self.chips,
        }
        known = json.loads(self.out.read_text()) if self.out.exists() else {}
        kept = known["rows"] if made_with.items() <= known.items() else {}
        result: dict[str, Any] = {**made_with, "rows": kept}
        for folder in self.folders:
            place = Place.read(folder, self.chips)
            for cell in CELLS:
                row = result["rows"].setdefault(folder.name, {}).setdefault(cell.name, {})
                missing = [name for name in self.settings if name not in row.get("psnr", {})]
                if not missing:
                    continue
                for part, values in measure_cell(place, cell, weights, missing).items():
                    row[part] = row.get(part, {}) | values
                write_atomically(self.out, json.dumps(result, indent=1).encode())
                print(folder.name, cell.name, *_gains_in_words(row), flush=True)
        return result


def measure(root: Path, data: Path) -> dict[str, Any]:
    """Score the default weights for varied imagery on the test places.

    Args:
        root: The repository.
        data: The benchmark's places; another folder beside it holds the one in Ohio.
    """
    folders = [data / name for name in TEST_PLACES]
    folders += sorted(data.parent.glob(f"*/{TEST_PLACE_BESIDE}"))
    out = root / "build" / "degraded.json"
    out.parent.mkdir(exist_ok=True)
    weights = load_weights(root / "src/sen2naip_sr/weights/default.safetensors")
    result = Measurement(folders, CHIPS, MEASURED, out).make(weights)
    return {name: value for name, value in result.items() if name != "rows"} | {
        "tables": {
            "settings": summary(result),
            "places": places(result),
            "kinds": degradations(result, "auto"),
        }
    }


def _gains_in_words(row: Mapping[str, Any]) -> list[str]:
    return [f"{name} {_gain(row, name):+.2f} ({told})" for name, told in row["told"].items()]


def _gain(row: Mapping[str, Any], setting: str, over: str | None = None) -> float:
    psnr: Mapping[str, float] = row["psnr"]
    baseline = psnr[over] if over else max(psnr[method] for method in INTERPOLATIONS)
    return psnr[setting] - baseline


def summary(result: Mapping[str, Any]) -> str:
    """Return a table: for each setting its mean gain, and losses, over all cells and places."""
    rows = []
    for setting in _settings(result):
        cells = [
            (_gain(row, setting), _gain(row, setting, "lanczos"), f"{place}: {name}")
            for place, named in result["rows"].items()
            for name, row in named.items()
        ]
        best, lanczos = (float(np.mean([cell[k] for cell in cells])) for k in (0, 1))
        least, _, where = min(cells)
        losses = sum(cell[0] < TOLERANCE for cell in cells)
        rows.append(
            [setting, f"{lanczos:+.2f}", f"{best:+.2f}", f"{least:+.2f} ({where})",
             f"{losses} of {len(cells)}"]
        )  # fmt: skip
    head = [
        "conditions", "mean gain over Lanczos, dB", "over the best interpolation", "least",
        f"below {TOLERANCE:g} dB",
    ]  # fmt: skip
    return table(head, rows)


def places(result: Mapping[str, Any]) -> str:
    """Return a table: mean and least gain over the best interpolation by place."""
    settings = _settings(result)
    rows = []
    for place, named in result["rows"].items():
        gains = {s: [_gain(row, s) for row in named.values()] for s in settings}
        rows.append([place, *(f"{np.mean(g):+.2f} ({min(g):+.2f})" for g in gains.values())])
    return table(["mean (least) gain", *settings], rows)


def degradations(result: Mapping[str, Any], setting: str) -> str:
    """Return mean gains over Lanczos, and a place's least over the best interpolation."""
    rows = []
    for blur, noise in product(BLURS, NOISES):
        cells = []
        for quality in QUALITIES:
            name = Cell(blur, noise, quality).name
            found = [named[name] for named in result["rows"].values() if name in named]
            gain = np.mean([_gain(row, setting, "lanczos") for row in found])
            least = min(_gain(row, setting) for row in found)
            cells.append(f"{gain:+.2f} ({least:+.2f})")
        rows.append([blur, f"{noise:g}", *cells])
    head = [f"JPEG {quality}" if quality else "not compressed" for quality in QUALITIES]
    return table(["blur", "noise", *head], rows)


def _settings(result: Mapping[str, Any]) -> list[str]:
    rows = [row for named in result["rows"].values() for row in named.values() if row]
    return [name for name in SETTINGS if all(name in row["psnr"] for row in rows)]


def tables(result: Mapping[str, Any]) -> str:
    """Return all tables."""
    parts = [summary(result), places(result)]
    return "\n\n".join([*parts, *(degradations(result, name) for name in _settings(result)[:2])])


def main() -> None:
    """Measure, write the result, and print its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="weights with conditions")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="places")
    parser.add_argument("--out", type=Path, required=True, help="JSON of the result")
    parser.add_argument("--chips", type=int, default=CHIPS, help="chips of each place to score")
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    given = parser.parse_args()
    measurement = Measurement(given.data, given.chips, given.settings, given.out)
    print(tables(measurement.make(load_weights(given.weights))))


if __name__ == "__main__":
    main()
