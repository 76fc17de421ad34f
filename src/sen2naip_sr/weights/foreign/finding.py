"""Foreign networks: an ONNX file with all that is told of it, checked against each other."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sen2naip_sr.errors import UserError
from sen2naip_sr.weights.foreign.contents import IMAGE_AXES, Contents, Port, read_contents
from sen2naip_sr.weights.foreign.description import (
    SUFFIXES,
    Description,
    described,
    model_of,
    read_description,
)
from sen2naip_sr.weights.foreign.stated import stated_in
from sen2naip_sr.weights.names import FOREIGN


@dataclass(frozen=True)
class ForeignModel:
    """A network of another project.

    Attributes:
        path: Its ONNX file.
        description: What it takes and gives.
        input, output: Where images go in and out.
        digest: SHA-256 of its file and of the files with its weights.
    """

    path: Path
    description: Description
    input: Port
    output: Port
    digest: str

    @property
    def label(self) -> str:
        """Its file, and the first digits of a hash of it and of what is told of it."""
        told = self.digest + self.description.model_dump_json()
        return f"{self.path.name}, {hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def fixed(self) -> tuple[int | None, int | None]:
        """Rows and columns of the only images that it takes; None where it takes any number."""
        shape = self.input.shape
        return (shape[2], shape[3]) if shape else (None, None)


def is_foreign(path: Path | None) -> bool:
    """Return whether a file is a foreign network, or the description of one, by its name."""
    return path is not None and path.suffix.lower() in FOREIGN


def find_foreign(path: Path) -> ForeignModel:
    """Return a foreign network by its ONNX file, or by the YAML file that describes it.

    Raises:
        UserError: If the file is refused (see `read_contents`), nothing says what must be known of
            it, or what is said contradicts itself or the file.
    """
    given_by = path if path.suffix.lower() in SUFFIXES else None
    path = model_of(path) if given_by else path
    contents = read_contents(path)
    written, beside = read_description(path, given_by)
    stated = stated_in(contents)
    if beside is not None:
        _require_agreement(path, beside, written, stated)
    told = {**stated, **written}
    description = described(path, told)
    given = _chosen(path, "input", contents.inputs, description.input)
    made = _chosen(path, "output", contents.outputs, description.output)
    _require_fit(contents, description, given, made)
    return ForeignModel(path, description, given, made, contents.digest)


def _require_agreement(
    path: Path, beside: Path, written: Mapping[str, Any], stated: Mapping[str, Any]
) -> None:
    """Refuse a YAML that says something else than the file's own properties.

    A wider margin and names for as many bands are no contradiction.
    """
    for name in written.keys() & stated.keys():
        ours, theirs = _comparable(name, written[name]), _comparable(name, stated[name])
        if ours == theirs or (name == "margin" and isinstance(ours, int) and ours > theirs):
            continue
        raise UserError(
            "onnx-description-contradicts",
            f"{beside.name} says {name} {written[name]}, and the properties in {path.name} say "
            f"{stated[name]}",
            f"correct {name} in {beside.name}, or export the network again",
        )


def _comparable(name: str, value: Any) -> Any:
    if name == "bands" and isinstance(value, list):
        return len(value)
    return tuple(value) if isinstance(value, list) else value


def _chosen(path: Path, kind: str, ports: tuple[Port, ...], name: str | None) -> Port:
    names = ", ".join(port.name for port in ports)
    if name is None and len(ports) != 1:
        raise UserError(
            "onnx-unfit",
            f"{path}: has {len(ports)} {kind}s ({names}), and nothing says which one is the image",
            f"write '{kind}: NAME' into {path.with_suffix('.yaml').name}, or export the network "
            f"with one {kind}",
        )
    if kind == "input" and len(ports) > 1:
        raise UserError(
            "onnx-unfit",
            f"{path}: needs {len(ports)} inputs ({names}), and only an image can be given",
            "export the network with the image as its only input",
        )
    found = [port for port in ports if name in (None, port.name)]
    if not found:
        raise UserError(
            "onnx-unfit",
            f"{path}: has no {kind} '{name}', only {names}",
            f"name one of its {kind}s",
        )
    return found[0]


def _require_fit(contents: Contents, told: Description, given: Port, made: Port) -> None:
    """Check what is told against the shapes in the file; running it tells the rest."""
    path = contents.path
    for kind, port in (("input", given), ("output", made)):
        if port.dtype is None:
            problem = f"its {kind} '{port.name}' holds no floats"
            raise _unfit(path, problem, "export it for images of floats")
        if port.shape is not None and len(port.shape) != IMAGE_AXES:
            problem = f"its {kind} '{port.name}' has {len(port.shape)} axes instead of 4"
            raise _unfit(path, problem, "export it for images, bands, rows and columns")
        images, bands, *_ = port.shape or (None, None)
        if bands not in (None, told.count):
            problem = f"its {kind} '{port.name}' has {bands} bands, and {told.count} are described"
            raise _unfit(path, problem, f"describe {bands} bands")
        if images not in (None, 1):
            problem = f"its {kind} '{port.name}' takes {images} images at once"
            raise _unfit(path, problem, "export it for one image, or with a dynamic first axis")
    if given.shape and made.shape:
        for before, after in zip(given.shape[2:], made.shape[2:], strict=True):
            if before and after and after != told.factor * before:
                raise UserError(
                    "onnx-factor-differs",
                    f"{path}: makes {after} pixels of {before}, which is not the factor "
                    f"{told.factor} that is described",
                    f"describe the factor {after / before:g}"
                    if after % before == 0
                    else "only whole factors can be used",
                )


def _unfit(path: Path, problem: str, remedy: str) -> UserError:
    return UserError("onnx-unfit", f"{path}: {problem}", remedy)
