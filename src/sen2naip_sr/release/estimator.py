"""Train the estimator of noise and blur that comes with the project.

    python -m sen2naip_sr.release.estimator FOLDER [FOLDER ...]

The folders hold GeoTIFFs of training places, of one number of bands. Their pixels are varied and
observed by random sensors (`sen2naip_sr.degradation.sensor`), so noise and blur are known. No test
place may be among them. The estimator knows no weights of networks, and serves all.
"""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from sen2naip_sr.arrays import Array
from sen2naip_sr.degradation.blur import blur_matrices
from sen2naip_sr.degradation.draws import Draws, expanded
from sen2naip_sr.degradation.parameters import SensorParameters, TruthParameters
from sen2naip_sr.degradation.sensor import draw_sensors, observe
from sen2naip_sr.degradation.truth import oriented, reduced, varied
from sen2naip_sr.files import write_atomically
from sen2naip_sr.inference.estimation.features import features
from sen2naip_sr.inference.estimation.regressor import (
    FILE,
    Examples,
    regressor_inputs,
    trained_regressor,
)
from sen2naip_sr.inference.estimation.windows import SCALE, SIDES
from sen2naip_sr.inference.values import choose_range, normalise
from sen2naip_sr.progress import track
from sen2naip_sr.raster.scene import open_scene

logger = logging.getLogger(__name__)

BATCH = 16
SENSORS = SensorParameters(clean=0.15, band_noises=0.5, band_noise=0.5)
"""Clean images, the easiest, are rarer than in the training of networks, and bands differ more."""

BANDS = (4, 4, 4, 3, 2, 1)
"""How many of the bands, at most, are seen together."""

SHARPNESS = (-0.7, 1.2)
"""Range of the share of its own detail that an image is sharpened by: providers sharpen, too."""

_SHARPENED = 0.5
_DETAIL = (0.5, 1.5)
_FINEST_TABLE = 0.05
"""Scale of the quantisation table below which JPEG is hardly found: quality 97.5."""


class Images:
    """Windows of HR from the GeoTIFFs of some folders.

    Args:
        folders: Searched with their folders. Each folder of files counts as one place, and places
            are drawn alike.
    """

    def __init__(self, folders: list[Path]) -> None:
        files = sorted(file for folder in folders for file in folder.rglob("*.tif"))
        places = sorted({file.parent for file in files})
        self._places = [
            [_read(file) for file in files if file.parent == place]
            for place in track(places, "Reading", len(places))
        ]

    def draw(self, count: int, side: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return windows (count, C, side, side) in [0, 1], and whether each is deep.

        Half of them are reduced to coarser pixels where the file is large enough.
        """
        windows: list[Tensor] = []
        deep: list[bool] = []
        while len(windows) < count:
            place = self._places[random.integers(len(self._places))]
            image, of_many_bits = place[random.integers(len(place))]
            factor = int(random.choice((1, 1, 2, 4)))
            factor = min(factor, min(image.shape[1:]) // side)
            if factor == 0:
                continue
            top, left = (random.integers(size - factor * side + 1) for size in image.shape[1:])
            cut = image[:, top : top + factor * side, left : left + factor * side]
            if np.isnan(cut).any():
                continue
            windows.append(reduced(torch.from_numpy(cut)[None], factor)[0])
            deep.append(of_many_bits)
        return torch.stack(windows), torch.tensor(deep)


def _read(file: Path) -> tuple[Array, bool]:
    with open_scene(file, None) as scene:
        values, valid = scene.read(0, 0, scene.height, scene.width)
        image = normalise(values, choose_range("auto", scene))
        return np.where(valid, image, np.float32(np.nan)), scene.dtype != np.uint8


def examples(images: Images, count: int, seed: int) -> Examples:
    """Return features of degraded windows, with the truth.

    Args:
        images: HR.
        count: Windows, each of which is an example for every band.
        seed: Seeds everything random.
    """
    parts = list(track(_batches(images, count, seed), "Degrading", count // BATCH))
    return Examples(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _batches(images: Images, count: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
    random = np.random.default_rng(seed)
    draws = Draws(BATCH, torch.Generator().manual_seed(seed))
    for number in range(count // BATCH):
        side = 2 * SIDES[number % 4 == 0]
        hr, deep = images.draw(BATCH, side, random)
        hr = varied(_sharpened(oriented(hr, draws), draws), deep, TruthParameters(), draws)
        sensors = draw_sensors(SENSORS, deep, hr.shape[1], draws)
        lr, true = observe(hr, sensors, draws)
        found = true.compression * (true.compression > _FINEST_TABLE)
        blur = torch.stack((true.vertical, true.horizontal), -1)
        # after its bands were permuted, any of an image's bands may be the first
        seen = slice(BANDS[number % len(BANDS)])
        inputs = regressor_inputs(features(SCALE * lr[:, seen]), found)
        rows = (inputs, SCALE * true.noise[:, seen], blur[:, seen])
        yield tuple(values.flatten(0, 1) for values in rows)


def _sharpened(hr: Tensor, draws: Draws) -> Tensor:
    sigma = draws.uniform(low=_DETAIL[0], high=_DETAIL[1])
    matrix = blur_matrices(sigma, hr.shape[-1])[:, None]
    strength = draws.uniform(low=SHARPNESS[0], high=SHARPNESS[1])
    strength = torch.where(draws.chance(_SHARPENED), strength, 0.0)
    return hr + expanded(strength, hr) * (hr - matrix @ hr @ matrix.mT)


def main() -> None:
    """Train the estimator and write its file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="GeoTIFFs of training places")
    parser.add_argument("--images", type=int, default=8000, help="degraded windows")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", type=Path, default=FILE)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    images = Images(given.folders)
    regressor = trained_regressor(examples(images, given.images, given.seed), given.seed)
    state = regressor.state_dict()
    compact = {
        name: values.half() if values.ndim > 1 else values.float() for name, values in state.items()
    }
    write_atomically(given.target, safetensors.torch.save(compact))


if __name__ == "__main__":
    main()
