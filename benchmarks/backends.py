"""What computes the shipped networks, and how fast: each against plain CARN on the same windows.

Plain is what a script of one screen does: torch without further ado, float32, NCHW (but with the
allocator set as the others have it). What is not installed is left out; torch.compile needs a C++
compiler and a minute.
"""

import copy
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from naip import stores
from torch import nn

from sen2naip_sr.degradation import quantise
from sen2naip_sr.inference.hardware import has_bfloat16, resolve_device
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.onnx import export_onnx
from sen2naip_sr.inference.speed import matrix_product_rate
from sen2naip_sr.inference.winograd import has_winograd
from sen2naip_sr.models.cost import multiply_adds
from sen2naip_sr.splits import TEST
from sen2naip_sr.training.shipped import load_shipped

NETWORKS = ("carn", "lean")
BANDS = 4
WINDOWS, ROUNDS = 4, 3
SCORED = 16
SHAVED = 4

Upscale = Callable[[np.ndarray], np.ndarray]
"""Maps (B, C, h, w), float32, to (B, C, 2h, 2w)."""


def measure(data: Path) -> dict[str, Any]:
    """Time all backends in turns; ratios of medians are what counts."""
    with stores(data) as (hr, lr, splits):
        chips = splits.loc[splits["split"] == TEST, "chip"].to_numpy()
        chips = chips[:: max(1, len(chips) // SCORED)]
        low = _joined(np.stack([lr.chips[chip] for chip in range(4 * WINDOWS)]))
        pairs = [(lr.chips[chip], hr.chips[chip]) for chip in chips]
    windows = low.astype(np.float32) / 255
    ways = {(name, way): use for name in NETWORKS for way, use in _ways(name).items()}
    seconds = _median_seconds(ways, windows)
    scores = {name: _psnr(use, pairs) for name, use in ways.items()}
    megapixels = 4 * windows[:, 0].size / 1e6
    rows = [
        {
            "network": name,
            "way": way,
            "megapixels_s": round(megapixels / seconds[name, way], 3),
            "ratio": round(seconds["carn", "plain"] / seconds[name, way], 2),
            "psnr_change_db": round(scores[name, way] - scores[name, "plain"], 4),
            "multiply_adds_s": round(
                multiply_adds(_model(name), *windows.shape[1:]) * WINDOWS / seconds[name, way]
            ),
        }
        for name, way in ways
    ]
    return {
        "rows": rows,
        "matrix_product_s": round(matrix_product_rate(resolve_device("auto"))),
        "threads": torch.get_num_threads(),
        "bfloat16": has_bfloat16(),
        "window": list(windows.shape),
    }


def _joined(chips: np.ndarray) -> np.ndarray:
    """Return four chips each side by side and one above the other: windows twice as large."""
    rows = [np.concatenate(pair, axis=-1) for pair in zip(chips[::2], chips[1::2], strict=True)]
    joined = [np.concatenate(pair, axis=-2) for pair in zip(rows[::2], rows[1::2], strict=True)]
    return np.stack(joined)


def _model(name: str) -> nn.Module:
    weights = load_shipped(name)
    assert weights is not None
    return weights.build()


def _ways(name: str) -> dict[str, Upscale]:
    model = _model(name)
    ways: dict[str, Upscale] = {"plain": _plain(model)}
    ways["eager"] = make_network(model, device="cpu", backend="eager", precision="float32")
    if has_winograd():
        ways["winograd"] = make_network(model, device="cpu", backend="winograd")
    if has_bfloat16():
        ways["eager, bfloat16"] = make_network(model, device="cpu", precision="bfloat16")
    if torch.cuda.is_available():
        ways["eager, float16"] = make_network(model, device="cuda", precision="float16")
    if shutil.which("g++"):
        ways["torch.compile, frozen"] = _compiled(model)
    with tempfile.TemporaryDirectory() as folder:
        for package, make in (("onnxruntime", _onnxruntime), ("openvino", _openvino)):
            if importlib.util.find_spec(package) and importlib.util.find_spec("onnxscript"):
                file = Path(folder) / f"{package}.onnx"
                export_onnx(model, file, bands=BANDS)
                ways[package] = make(file)
    return ways


def _plain(model: nn.Module) -> Upscale:
    def upscale(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(images)).numpy()

    return upscale


def _compiled(model: nn.Module) -> Upscale:
    import torch._inductor.config as inductor

    inductor.freezing = True
    fast = torch.compile(copy.deepcopy(model).to(memory_format=torch.channels_last), dynamic=False)

    def upscale(images: np.ndarray) -> np.ndarray:
        tensor = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            return fast(tensor).numpy()

    return upscale


def _onnxruntime(file: Path) -> Upscale:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"lr": images})[0]


def _openvino(file: Path) -> Upscale:
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(file), "CPU", settings)
    return lambda images: compiled(images)[0]


def _median_seconds(
    ways: dict[tuple[str, str], Upscale], windows: np.ndarray
) -> dict[tuple[str, str], float]:
    times: dict[tuple[str, str], list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 1):
        for name, upscale in ways.items():
            start = time.perf_counter()
            for window in windows:
                upscale(window[None])
            if number:  # the first round sets things up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _psnr(upscale: Upscale, pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the mean over chips, by docs/protocol.md."""
    scores = []
    for low, high in pairs:
        result = torch.from_numpy(upscale(low[None].astype(np.float32) / 255) * 255)
        error = quantise(result, high.dtype)[0].double().numpy() - high
        inner = error[:, SHAVED:-SHAVED, SHAVED:-SHAVED]
        scores.append(10 * np.log10(255**2 / np.mean(inner**2)))
    return float(np.mean(scores))
