"""Fourfold upscaling by two passes of a twofold network, against Lanczos.

    python benchmarks/twice.py --data FOLDER --model default

LR is the mean of 4 x 4 pixels of chips of test places, rounded; 6 chips of each place, evenly
spaced in the order of their names. The second pass gets the first one's result, not rounded
unless its settings are automatic, and is told a blur of its own. PSNR over all bands, 8 pixels
shaved from each side. The given blurs were chosen on these chips: their gains are an upper bound.
"""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image

import sen2naip_sr as sr
from sen2naip_sr.arrays import Array
from sen2naip_sr.upscaling.model import Model

PLACES = (
    "naip/ca-santa-monica-2020",
    "naip/ca-central-valley",
    "naip/wv-3708020-sw",
    "naip-more/oh-brown",
)
CHIPS, SIDE, SHAVE = 6, 256, 8
BLUR = 0.26
"""Told to the first pass, in pixels of LR, where its settings are not automatic."""
SECOND_BLURS = (0.28, 0.55)
"""Told to the second one, in pixels of its input: the best, and about what enlarging leaves."""


def main() -> None:
    """Print the gain over Lanczos 4x by place, and the mean of the places, in dB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    model = sr.load_model(arguments.model, device="cpu", precision="float32")
    found = [_gains(model, arguments.data / place) for place in PLACES]
    print("| way |", " | ".join(Path(place).name for place in PLACES), "| mean |")
    print("|---|" + "---|" * (len(PLACES) + 1))
    for way in found[0]:
        gains = [of_place[way] for of_place in found]
        cells = " | ".join(f"{gain:+.2f}" for gain in (*gains, np.mean(gains)))
        print(f"| {way} | {cells} |")


def _gains(model: Model, folder: Path) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for truth in _chips(folder):
        low = _rounded(truth.reshape(4, SIDE // 4, 4, SIDE // 4, 4).mean((2, 4)))
        plain = _psnr(_lanczos(low, 4), truth)
        passes = {
            "automatic": model.upscale(low.astype(np.uint8), value_range=(0, 255)).values,
            f"{BLUR}": _pass(model, low, BLUR),
        }
        for first, middle in passes.items():
            given = middle.astype(np.float32)
            ways = {f"{first}, then Lanczos 2x": _lanczos(given, 2)}
            for second in SECOND_BLURS:
                ways[f"{first}, then {second}"] = _pass(model, given, second)
            for way, made in ways.items():
                scores.setdefault(way, []).append(_psnr(made, truth) - plain)
    return {way: float(np.mean(gains)) for way, gains in scores.items()}


def _chips(folder: Path) -> Iterator[Array]:
    files = sorted(folder.glob("*.tif"))
    for file in files[:: max(1, len(files) // CHIPS)][:CHIPS]:
        with rasterio.open(file) as source:
            yield source.read()[:4, :SIDE, :SIDE].astype(np.float32)


def _pass(model: Model, image: Array, blur: float) -> Array:
    return model.upscale(
        image, value_range=(0, 255), noise=0, blur=blur, compression="none", sharpness=1.0
    ).values


def _lanczos(image: Array, factor: int) -> Array:
    height, width = (factor * side for side in image.shape[1:])
    bands = (
        Image.fromarray(band).resize((width, height), Image.Resampling.LANCZOS) for band in image
    )
    return np.stack([np.asarray(band) for band in bands])


def _rounded(image: Array) -> Array:
    return np.rint(image).clip(0, 255).astype(np.float32)


def _psnr(made: Array, truth: Array) -> float:
    error = (_rounded(made) - truth)[:, SHAVE:-SHAVE, SHAVE:-SHAVE]
    return float(10 * np.log10(255**2 / np.mean(error**2, dtype=np.float64)))


if __name__ == "__main__":
    main()
