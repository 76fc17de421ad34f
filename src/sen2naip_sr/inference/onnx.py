"""Networks as ONNX files, for other runtimes.

The exporter is the one of `torch.export`, not the deprecated one that traces. It keeps sizes
symbolic, so that networks that pad by the size of their input (U-Net) are right for every size. It
takes some seconds and needs the package onnxscript.

Bicubic in torch is ``Resize`` in ONNX with ``cubic_coeff_a`` = -0.75 and half-pixel centres. Both
repeat the edge pixel.
"""

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import check_target, replacing
from sen2naip_sr.version import __version__

INPUT, OUTPUT = "lr", "sr"
DEFAULT_OPSET = 18
LARGEST_DIFFERENCE = 1e-4
"""Of the range, between ONNX Runtime's results and torch's."""
CHECKED_SHAPES = ((1, 16, 16), (2, 37, 45), (1, 50, 23), (3, 5, 7))
"""Batch, height and width of the images that the check compares."""
_PACKAGES = ("onnx", "onnxscript")
# two images of odd sizes: no operation can mistake these for fixed sizes
_EXAMPLE = (2, 37, 45)

logger = logging.getLogger(__name__)


def export_onnx(  # noqa: PLR0913 - all but the first two are keywords
    model: nn.Module,
    path: Path,
    *,
    bands: int,
    properties: Mapping[str, Any] | None = None,
    side: int | None = None,
    opset: int = DEFAULT_OPSET,
    overwrite: bool = False,
) -> float | None:
    """Write a network as an ONNX file with dynamic batch, height and width, or of one size.

    Its input ``lr`` is (batch, bands, height, width), float32, in [0, 1]; its output ``sr``
    (batch, bands, 2 height, 2 width), not clipped; sides are of 2 pixels at least. If ONNX
    Runtime is installed, the file is compared with torch on images of several sizes before it is
    put in place.

    Args:
        model: The network, on the CPU, in float32; it is not changed.
        path: The file; it is written as a whole or not at all.
        bands: Image bands.
        properties: Further entries of the file's ``metadata_props``: texts as they are, other
            values as JSON. ``bands``, ``scale``, ``receptive_field`` and ``multiple`` (in
            low-resolution pixels) and ``sen2naip_sr`` (the project's version) are always there.
        side: Rows and columns of the only images that the file takes, one at a time; None: any
            number.
        opset: ONNX's opset.
        overwrite: Whether a file that is there already may be replaced.

    Returns:
        The largest difference to torch that was found; None if ONNX Runtime is not installed.

    Raises:
        UserError: If a package is missing, the file is there already or cannot be written, the
            network has no ONNX form in this opset, or the file's results differ from torch's by
            more than `LARGEST_DIFFERENCE`.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise UserError(
            "onnx-package-missing",
            f"writing ONNX needs the package {' and '.join(missing)}",
            f"install {' and '.join(missing)}",
        )
    check_target(path, [], overwrite)
    import onnx

    module = copy.deepcopy(model).eval()
    exported = _exported(module, bands, opset, side)
    own = {
        "bands": bands,
        "scale": 2,
        "receptive_field": getattr(model, "receptive_field", None),
        "multiple": getattr(model, "multiple", 1),
        "sen2naip_sr": __version__,
    }
    texts = {name: _text(value) for name, value in {**own, **(properties or {})}.items()}
    onnx.helper.set_model_props(exported, texts)
    onnx.checker.check_model(exported, full_check=True)
    content = exported.SerializeToString()
    difference = _checked(module, content, path, bands, side) if find_spec("onnxruntime") else None
    if difference is None:
        logger.warning("%s is not compared with torch: onnxruntime is not installed", path)
    with replacing(path, needed=len(content)) as hidden:
        hidden.write_bytes(content)
    return difference


def _exported(model: nn.Module, bands: int, opset: int, side: int | None) -> Any:
    """Return the network as an `onnx.ModelProto`."""
    batch, height, width = (1, side, side) if side else _EXAMPLE
    with _quiet():
        try:
            program = torch.onnx.export(
                model,
                (torch.zeros(batch, bands, height, width),),
                dynamo=True,
                opset_version=opset,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=None if side else ({0: "batch", 2: "height", 3: "width"},),
                verbose=False,
            )
        except (torch.onnx.OnnxExporterError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(
                "onnx-unsupported",
                f"this network cannot be written as ONNX in opset {opset}: {reason}",
                f"use opset {DEFAULT_OPSET}, or another network",
            ) from error
    assert program is not None
    return program.model_proto


def _checked(
    model: nn.Module, content: bytes, path: Path, bands: int, side: int | None = None
) -> float:
    """Return the largest difference between ONNX Runtime's and torch's results."""
    difference = max(_differences(model, content, bands, side))
    if not difference <= LARGEST_DIFFERENCE:
        raise UserError(
            "onnx-differs",
            f"{path} is not written: ONNX Runtime's results differ from torch's by "
            f"{difference:.2g} of the range, more than {LARGEST_DIFFERENCE:.0e}",
            f"use opset {DEFAULT_OPSET}, or other versions of onnx and onnxruntime",
        )
    return difference


def _differences(
    model: nn.Module, content: bytes, bands: int, side: int | None = None
) -> Iterator[float]:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for batch, height, width in [(1, side, side)] if side else CHECKED_SHAPES:
        images = random.random((batch, bands, height, width), dtype=np.float32)
        with torch.inference_mode():
            expected = model(torch.from_numpy(images)).numpy()
        (result,) = session.run([OUTPUT], {INPUT: images})
        same_shape = result.shape == expected.shape
        yield float(np.abs(result - expected).max()) if same_shape else float("inf")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's messages about packages and operators that are not used here."""
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        noisy.setLevel(level)
