"""Speed of a network for photographs by ncnn and by ONNX Runtime, beside ours; see docs/peers.md.

Images of four bands take a network for three colours two passes: near-infrared is a grey picture of
its own.
"""

import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from photo_network import PhotoNetwork

from sen2naip_sr.inference.network import make_network
from sen2naip_sr.weights.shipped import load_shipped

SIDE, ROUNDS = 256, 5
OURS = ("default", "fast", "lean")
TOLERANCE = 1e-3
"""Largest difference between what ncnn and torch make of the network: one is not the other's."""
Upscale = Callable[[np.ndarray], np.ndarray]


def measure(peers: Mapping[str, str]) -> dict[str, Any] | None:
    """Time all in turns on an image of 4 x 256 x 256, on one thread and on all."""
    if not peers or not importlib.util.find_spec("ncnn"):
        return None
    image = _noise(4, SIDE)
    most = torch.get_num_threads()
    try:
        rows = [row for threads in sorted({1, most}) for row in _rows(peers, image, threads)]
    finally:
        torch.set_num_threads(most)
    return {"rows": rows, "image": list(image.shape)}


def _noise(bands: int, side: int) -> np.ndarray:
    """Return an image in the middle of the range: on the whole range the network breaks."""
    drawn = np.random.default_rng(0).random((1, bands, side, side), dtype=np.float32)
    return 0.25 + 0.5 * drawn


def _rows(peers: Mapping[str, str], image: np.ndarray, threads: int) -> list[dict[str, Any]]:
    torch.set_num_threads(threads)
    ways: dict[tuple[str, str], Upscale] = {}
    for name in OURS:
        weights = load_shipped(name)
        assert weights is not None
        network = make_network(weights.build())
        ways[name, network.describe()] = network
    for name, file in peers.items():
        ways |= {(name, way): use for way, use in _peer(Path(file), threads).items()}
    times: dict[tuple[str, str], list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, upscale in ways.items():
            start = time.perf_counter()
            upscale(image)
            if number:  # the first round sets things up
                times[way].append(time.perf_counter() - start)
    return [
        {
            "network": name,
            "way": way,
            "threads": threads,
            "lr_pixels_s": round(SIDE**2 / statistics.median(taken)),
        }
        for (name, way), taken in times.items()
    ]


def _peer(file: Path, threads: int) -> dict[str, Upscale]:
    ncnn, onnxruntime = _ncnn(file, threads), _onnxruntime(file, threads)
    picture = _noise(3, 64)
    difference = float(np.abs(ncnn(picture) - onnxruntime(picture)).max())
    assert difference < TOLERANCE, f"{file}: ncnn and torch differ by {difference:.4f}"
    return {
        "ncnn": lambda image: _bands(ncnn, image),
        "ONNX Runtime": lambda image: _bands(onnxruntime, image),
    }


def _bands(upscale: Upscale, image: np.ndarray) -> np.ndarray:
    return np.concatenate([upscale(image[:, :3]), upscale(image[:, [3, 3, 3]])[:, 1:2]], axis=1)


def _ncnn(file: Path, threads: int) -> Upscale:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.load_param(str(file))
    net.load_model(str(file.with_suffix(".bin")))

    def upscale(picture: np.ndarray) -> np.ndarray:
        with net.create_extractor() as run:
            run.input(net.input_names()[0], ncnn.Mat(np.ascontiguousarray(picture[0])).clone())
            return np.array(run.extract(net.output_names()[0])[1])[None]

    return upscale


def _onnxruntime(file: Path, threads: int) -> Upscale:
    import onnxruntime

    network = PhotoNetwork(file).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "network.onnx")
        sides = {2: torch.export.Dim("height", min=16), 3: torch.export.Dim("width", min=16)}
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, 64, 48),),
            target,
            input_names=["picture"],
            dynamic_shapes=(sides,),
            dynamo=True,
            verbose=False,
        )
        session = onnxruntime.InferenceSession(target, options, providers=["CPUExecutionProvider"])
    return lambda picture: session.run(None, {"picture": picture})[0]
