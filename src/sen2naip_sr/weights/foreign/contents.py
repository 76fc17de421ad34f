"""What is in an ONNX file. Nothing is run, and nothing outside of the file is opened.

https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sen2naip_sr.errors import UserError

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Domains whose operators ONNX Runtime has itself."""
PACKAGES = ("onnx", "onnxruntime")
LARGEST = 2**31 - 1
"""Bytes of an ONNX file: that of a protocol buffer."""
FLOATING = {1: "float32", 10: "float16", 11: "float64"}
"""NumPy's names of ONNX's element types that a network may take and give."""
IMAGE_AXES = 4

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Port:
    """An input or output of a network.

    Attributes:
        name: Its name.
        dtype: NumPy's name of its floats; None if it holds others.
        shape: Images, bands, rows and columns; None where any number is taken. None: it is not
            known, or there are other axes.
    """

    name: str
    dtype: str | None
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Contents:
    """An ONNX file that was looked into.

    Attributes:
        path: The file.
        inputs, outputs: What it takes and gives.
        metadata: Its properties.
        digest: SHA-256 of the file and of the files with its weights.
    """

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: dict[str, str]
    digest: str


def read_contents(path: Path) -> Contents:
    """Look into an ONNX file.

    Raises:
        UserError: If a package is missing, the file is missing or damaged, has operators that
            ONNX Runtime does not have, or keeps weights outside of its folder.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(
            "onnx-package-missing",
            f"running {path.name} needs the package {' and '.join(missing)}",
            f"install {' and '.join(missing)}",
        )
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise UserError("weights-missing", f"{path}: there is no such file", "check the path")
    try:
        if path.stat().st_size > LARGEST:
            raise _damaged(path, "it is larger than 2 GB")
        content = path.read_bytes()
        model = onnx.load_model_from_string(content)
    except (OSError, DecodeError, ValueError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error
    graph = model.graph
    if not graph.node or not graph.output:
        raise _damaged(path, "it holds no network")
    _require_known_operators(path, model)
    hashed = hashlib.sha256(content)
    for file in _external_files(path, model):
        with file.open("rb") as stream:
            hashed.update(hashlib.file_digest(stream, "sha256").digest())
    weights = {tensor.name for tensor in graph.initializer}
    return Contents(
        path,
        tuple(_port(value) for value in graph.input if value.name not in weights),
        tuple(_port(value) for value in graph.output),
        {entry.key: entry.value for entry in model.metadata_props},
        hashed.hexdigest(),
    )


def _require_known_operators(path: Path, model: Any) -> None:
    own = {(function.domain, function.name) for function in model.functions}
    strange = {
        f"{node.domain}.{node.op_type}"
        for node in _nodes(model)
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own
    }
    if strange:
        raise UserError(
            "onnx-custom-operator",
            f"{path}: needs operators that ONNX Runtime does not have by itself: "
            f"{', '.join(sorted(strange))}; code for them is not loaded",
            "export the network with standard operators (ai.onnx) only",
        )


def _external_files(path: Path, model: Any) -> list[Path]:
    """Return the files beside a model that hold its weights.

    Raises:
        UserError: If one lies elsewhere, or is missing.
    """
    folder = path.resolve().parent
    found: dict[str, Path] = {}
    for tensor in _tensors(model):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        name = next((e.value for e in tensor.external_data if e.key == "location"), "")
        given = Path(name)
        inside = folder / given
        # a link may lead out of the folder, too
        outside = given.is_absolute() or not inside.resolve().is_relative_to(folder)
        if not name or outside or ".." in given.parts or "\\" in name:
            raise UserError(
                "onnx-external-data",
                f"{path}: keeps the weights '{tensor.name}' in the file '{name}', outside of its "
                "folder, which is not opened",
                "put all weights into the model's own file or into a file beside it",
            )
        if not inside.is_file():
            raise UserError(
                "onnx-external-data",
                f"{path}: keeps weights in the file '{name}', which is not beside it",
                "copy this file too",
            )
        found[name] = inside
    return [found[name] for name in sorted(found)]


def _graphs(model: Any) -> Iterator[Any]:
    """Yield all graphs, those inside of operators too, and functions."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [attribute.g] if attribute.HasField("g") else []
                waiting += attribute.graphs


def _nodes(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _port(value: Any) -> Port:
    tensor = value.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(
            axis.dim_value if axis.HasField("dim_value") and axis.dim_value > 0 else None
            for axis in tensor.shape.dim
        )
    return Port(value.name, FLOATING.get(tensor.elem_type), shape)


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        "weights-damaged",
        f"{path} is damaged or no ONNX file ({reason})",
        "fetch or export it again",
    )
