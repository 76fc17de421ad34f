"""Tiled against whole prediction: every shipped network on real scenes and on noise."""

from pathlib import Path
from typing import Any

import numpy as np
from naip import SCENES

from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import choose_range, normalise
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.raster.scene import open_scene
from sen2naip_sr.weights.shipped import load_shipped

NETWORKS = ("lean", "unet", "carn_m", "carn", "gan")
TILES = (64, 96, 256)
NOISE = (1000, 1400)
BANDS = 4


def measure(data: Path, networks: tuple[str, ...] = NETWORKS) -> dict[str, Any]:
    """Return the largest differences, as shares of the value range, and shares of equal pixels.

    Args:
        data: The folder of the benchmark's chips; the scenes are beside it.
        networks: Names of shipped networks.
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
    """Return a scene's normalised values, and the width of their range in digital numbers."""
    with open_scene(path) as scene:
        value_range = choose_range("auto", scene)
        values, _ = scene.read(0, 0, scene.height, scene.width)
        return normalise(values, value_range), value_range[1] - value_range[0]


def _upscale(network: Any, values: np.ndarray, tile: int) -> np.ndarray:
    scene = ArrayScene(values)
    target = ArrayTarget(scene)
    upscale_scene(scene, target, network, value_range=(0.0, 1.0), tile=tile)
    return target.values
