"""Speed of the backends of the shipped networks, each against plain CARN on the same image.

Plain takes the image whole (plain.py), all others in windows of a quarter of its sides. What is not
installed is left out; torch.compile needs a C++ compiler and a minute.
"""

import copy
import importlib.util
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from naip import stores
from plain import plain_network
from torch import nn

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.chips.splits import TEST
from sen2naip_sr.degradation import quantise
from sen2naip_sr.inference.acceleration.openvino import find_quantised, has_openvino
from sen2naip_sr.inference.hardware import has_bfloat16, resolve_device
from sen2naip_sr.inference.internals import has_nnpack
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.onnx import export_onnx
from sen2naip_sr.inference.speed import matrix_product_rate
from sen2naip_sr.models.cost import multiply_adds
from sen2naip_sr.weights.shipped import load_shipped

NETWORKS = ("carn", "lean", "default", "fast")
BANDS = 4
ACROSS, ROUNDS = 2, 3
SCORED = 16
PLAIN = "plain"
CAPPED = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
"""What keeps torch and OpenVINO from using newer instructions."""
SHAVED = 4

Upscale = Callable[[np.ndarray], np.ndarray]
"""Maps (B, C, h, w), float32, to (B, C, 2h, 2w)."""


def measure(data: Path) -> dict[str, Any]:
    """Time all backends in turns; the results are ratios of medians."""
    with stores(data) as (hr, lr, splits):
        chips = splits.loc[splits["split"] == TEST, "chip"].to_numpy()
        chips = chips[:: max(1, len(chips) // SCORED)]
        image = mosaic(lr.chips, 2 * ACROSS)[np.newaxis].astype(np.float32) / 255
        pairs = [(lr.chips[chip], hr.chips[chip]) for chip in chips]
    ways = {(name, way): use for name in NETWORKS for way, use in _ways(name).items()}
    seconds = _median_seconds(ways, image)
    scores = {name: _psnr(use, pairs) for name, use in ways.items()}
    megapixels = 4e-6 * image[0, 0].size
    rows = [
        {
            "network": name,
            "way": way,
            "megapixels_s": round(megapixels / taken, 3),
            "ratio": round(seconds["carn", PLAIN] / taken, 2),
            "psnr_change_db": round(scores[name, way] - scores[name, PLAIN], 4),
            "multiply_adds_s": round(multiply_adds(_model(name), *image.shape[1:]) / taken),
        }
        for (name, way), taken in seconds.items()
    ]
    return {
        "rows": rows,
        "matrix_product_s": round(matrix_product_rate(resolve_device("auto"))),
        "threads": torch.get_num_threads(),
        "bfloat16": has_bfloat16("cpu"),
        "image": list(image.shape),
    }


def measure_without_avx512(data: Path) -> dict[str, Any]:
    """Measure in a process that uses AVX2 and nothing newer."""
    spawn = multiprocessing.get_context("spawn")
    with patch.dict(os.environ, CAPPED), ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(measure, data).result()


def mosaic(chips: ShardedArray, across: int) -> np.ndarray:
    """Return a mosaic of the first chips: (C, side, side)."""
    rows = [
        np.concatenate([chips[row * across + n] for n in range(across)], axis=-1)
        for row in range(across)
    ]
    return np.concatenate(rows, axis=-2)


def windows(image: np.ndarray, across: int) -> list[np.ndarray]:
    """Return an image (1, C, h, w) in equal parts without halos."""
    rows = np.split(image, across, axis=-2)
    return [np.ascontiguousarray(part) for row in rows for part in np.split(row, across, axis=-1)]


def _model(name: str) -> nn.Module:
    weights = load_shipped(name)
    assert weights is not None
    return weights.build()


def _ways(name: str) -> dict[str, Upscale]:
    model = _model(name)
    ways: dict[str, Upscale] = {PLAIN: _plain(model)}
    ways["eager"] = make_network(model, device="cpu", backend="eager", precision="float32")
    if has_nnpack():
        ways["winograd"] = make_network(model, device="cpu", backend="winograd")
    if has_bfloat16("cpu") and torch.backends.cpu.get_cpu_capability() != "AVX2":
        ways["eager, bfloat16"] = make_network(model, device="cpu", precision="bfloat16")
    if find_quantised(model) and has_openvino():
        ways["openvino, int8"] = make_network(model, device="cpu", precision="int8")
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
    ways: dict[tuple[str, str], Upscale], image: np.ndarray
) -> dict[tuple[str, str], float]:
    times: dict[tuple[str, str], list[float]] = {name: [] for name in ways}
    parts = windows(image, ACROSS)
    with ExitStack() as stack:
        plain = {name: stack.enter_context(plain_network(name)) for name in NETWORKS}
        for number in range(ROUNDS + 1):
            for (name, way), upscale in ways.items():
                if way == PLAIN:
                    seconds = plain[name].seconds(image)
                else:
                    start = time.perf_counter()
                    for part in parts:
                        upscale(part)
                    seconds = time.perf_counter() - start
                if number:  # the first round sets things up
                    times[name, way].append(seconds)
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
