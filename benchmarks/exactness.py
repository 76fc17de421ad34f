"""Tiles against one piece: every shipped network on real scenes and on noise."""

from pathlib import Path
from typing import Any

import numpy as np
from naip import SCENES

from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import choose_range, normalise
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.weights.shipped import load_shipped

NETWORKS = ("lean", "unet", "carn_m", "carn", "gan")
TILES = (64, 96, 256)
NOISE = (1000, 1400)
BANDS = 4


class Normalised:
    """A scene in memory, (C, h, w) float32, of which all is valid."""

    path = "memory"

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.dtype = values, values.dtype
        self.count, self.height, self.width = values.shape

    def read(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a window and where it is valid."""
        window = self.values[:, top : top + height, left : left + width].copy()
        return window, np.ones(window.shape, bool)


class Collected:
    """What was written."""

    def __init__(self, scene: Normalised) -> None:
        self.values = np.empty((scene.count, 2 * scene.height, 2 * scene.width), np.float32)

    def write(self, top: int, left: int, values: np.ndarray, valid: np.ndarray) -> None:
        """Take a window."""
        self.values[:, top : top + values.shape[1], left : left + values.shape[2]] = values


def measure(data: Path, networks: tuple[str, ...] = NETWORKS) -> dict[str, Any]:
    """Return the largest differences, as shares of the range, and shares of equal pixels.

    Args:
        data: The README's chips; the scenes lie beside them.
        networks: Whose weights.
    """
    scenes = {path.stem: _read(path) for path in sorted((data.parent / SCENES).glob("*.tif"))}
    noise = np.random.default_rng(0).random((BANDS, *NOISE), np.float32)
    scenes["noise"] = (noise, 255.0)
    rows = []
    for name in networks:
        weights = load_shipped(name)
        assert weights is not None
        network = make_network(weights.build(), device="cpu")
        for title, (values, most) in scenes.items():
            whole = _upscale(network, values, 4 * max(values.shape))
            for tile in TILES:
                tiled = _upscale(network, values, tile)
                same = np.rint(most * tiled) == np.rint(most * whole)
                rows.append(
                    {
                        "network": name,
                        "scene": title,
                        "tile": tile,
                        "largest_difference": float(np.abs(tiled - whole).max()),
                        "equal_share": float(same.mean()),
                    }
                )
                print(rows[-1], flush=True)
    return {"rows": rows}


def _read(path: Path) -> tuple[np.ndarray, float]:
    """Return a scene's values as the network takes them, and how many digital numbers they span."""
    with open_scene(path) as scene:
        value_range = choose_range("auto", scene)
        values, _ = scene.read(0, 0, scene.height, scene.width)
        return normalise(values, value_range), value_range[1] - value_range[0]


def _upscale(network: Any, values: np.ndarray, tile: int) -> np.ndarray:
    scene = Normalised(values)
    target = Collected(scene)
    upscale_scene(scene, target, network, value_range=(0.0, 1.0), tile=tile)
    return target.values
