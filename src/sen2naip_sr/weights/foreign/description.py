"""What running a foreign network needs to know of it, and the YAML that says it.

The form of sentinel2_superresolution (Evoland, CESBIO and CNES) is taken as it is: ``bands``,
``factor``, ``margin`` in pixels of the result, and ``model``, the file's name. Its networks take
reflectance times 10,000.
https://github.com/Evoland-Land-Monitoring-Evolution/sentinel2_superresolution
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import Parameters, summarise

SUFFIXES = (".yaml", ".yml")
LARGEST = 64 * 2**10
"""Bytes of a YAML file."""
LARGEST_FACTOR = 16
MOST_BANDS = 1000
NEEDED = ("bands", "factor", "margin", "values", "range")
"""What nothing else tells."""
EVOLAND = {"bands", "factor", "margin", "model"}
EVOLAND_RANGE = (0.0, 10_000.0)

EXAMPLES = {
    "bands": "[red, green, blue, nir]  # or a number; in the order of the network",
    "factor": "4  # rows of the result per row of the scene",
    "margin": "16  # pixels of the scene around a tile that its result depends on",
    "values": "scaled  # or digital_numbers, or reflectance",
    "range": "[0, 1]  # what the network takes for dark and bright",
}
"""What to write, where it is missing."""


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) and number.is_integer() else number


Ends = tuple[float, float]
Whole = BeforeValidator(_whole)


class Description(Parameters):
    """What a foreign network takes and gives."""

    bands: Annotated[int, Field(ge=1)] | list[str]
    """Its bands: how many, or their names in its order, such as B04 or red."""
    factor: Annotated[int, Whole, Field(ge=2, le=LARGEST_FACTOR)]
    """Rows and columns of the result per row and column of the scene."""
    margin: Annotated[int, Whole, Field(ge=0, le=1024)]
    """Pixels of the scene to each side that a pixel of the result depends on."""
    values: Literal["scaled", "digital_numbers", "reflectance"]
    """scaled: the value range of each scene becomes ``range``. digital_numbers: the scene's values
    are given as they are. reflectance: ``range`` is reflectance 0 and 1, by the scale and offset
    that a scene states; without them its values are given as they are."""
    range: Ends
    """What the network takes for dark and bright."""
    output_range: Ends | None = None
    """What it gives for them. Null: the same."""
    mean: list[float] | None = None
    """Of each band, or one for all, in units of ``range``: subtracted from the input."""
    std: list[float] | None = None
    """Of each band, or one for all: the input is divided by it."""
    multiple: Annotated[int, Field(ge=1, le=256)] = 1
    """Tiles must begin and end at multiples of so many pixels of the scene."""
    tile: Annotated[int, Field(ge=16, le=4096)] | None = None
    """Side of the tiles, in pixels of the scene. Null: 256."""
    input: str | None = None
    """Name of the input. Null: the only one."""
    output: str | None = None
    """Name of the output. Null: the only one."""

    @field_validator("bands")
    @classmethod
    def _bands_are_told_apart(cls, bands: int | list[str]) -> int | list[str]:
        if isinstance(bands, list) and (not bands or len(set(bands)) < len(bands)):
            raise ValueError(f"{bands} names none, or one twice")
        return bands

    @field_validator("range", "output_range")
    @classmethod
    def _range_rises(cls, ends: Ends | None) -> Ends | None:
        if ends is not None and not (math.isfinite(ends[1] - ends[0]) and ends[0] < ends[1]):
            raise ValueError(f"{list(ends)} is no range from a lower to a higher number")
        return ends

    @model_validator(mode="after")
    def _fits_the_bands(self) -> Self:
        for name in ("mean", "std"):
            numbers = getattr(self, name)
            if numbers is not None and len(numbers) not in (1, self.count):
                raise ValueError(
                    f"{name} has {len(numbers)} numbers, and there are {self.count} bands"
                )
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std: the numbers must be above 0")
        return self

    @property
    def count(self) -> int:
        """The number of bands."""
        return self.bands if isinstance(self.bands, int) else len(self.bands)


def read_description(model: Path, given: Path | None = None) -> tuple[dict[str, Any], Path | None]:
    """Return what the YAML beside a model says, and that file; nothing if there is none.

    Args:
        model: The ONNX file.
        given: The YAML file; None: the one of the same name.

    Raises:
        UserError: If there are two, or it cannot be read, or it is that of another model.
    """
    beside = (model.with_suffix(suffix) for suffix in SUFFIXES)
    found = [given] if given else [path for path in beside if path.is_file()]
    if len(found) > 1:
        raise UserError(
            "onnx-description-invalid",
            f"{model}: has two descriptions, {found[0].name} and {found[1].name}",
            "keep one of them",
        )
    if not found:
        return {}, None
    told = read_yaml(found[0])
    named = told.pop("model", model.name)
    if Path(str(named)).name != model.name:
        raise _invalid(found[0], f"it describes the model '{named}', not {model.name}")
    return told, found[0]


def model_of(description: Path) -> Path:
    """Return the model that a YAML file describes: the one that it names, or of its own name.

    Raises:
        UserError: If it cannot be read, or names a file that is not beside it.
    """
    named = read_yaml(description).get("model", f"{description.stem}.onnx")
    if not isinstance(named, str) or Path(named).name != named:
        raise _invalid(
            description, f"its model is '{named}', which is not the name of a file beside it"
        )
    return description.with_name(named)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the entries of a description, those of Evoland's form as ours.

    Raises:
        UserError: If it is no YAML of names and values.
    """
    try:
        import yaml
    except ImportError as error:
        raise UserError(
            "onnx-package-missing",
            f"{path.name}: reading a description needs the package pyyaml",
            "install pyyaml",
        ) from error
    try:
        if path.stat().st_size > LARGEST:
            raise _invalid(path, f"it is larger than {LARGEST // 2**10} kB")
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise _invalid(path, f"it cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(told, dict) or not all(isinstance(name, str) for name in told):
        raise _invalid(path, "it is no list of names and values")
    # aliases make a few lines as large as the memory, once they are written out
    if deep := [name for name, value in told.items() if not _is_flat(value)]:
        raise _invalid(path, f"its entry '{deep[0]}' is neither a value nor a short list of values")
    return _from_evoland(told) if set(told) == EVOLAND else told


def described(model: Path, told: Mapping[str, Any]) -> Description:
    """Return the description of a model from all that is told of it.

    Raises:
        UserError: If something is missing, unknown or not valid.
    """
    if missing := [name for name in NEEDED if told.get(name) is None]:
        raise UserError(
            "onnx-description-missing",
            f"{model}: nothing says the {', '.join(missing)} of this network",
            f"write {model.with_suffix('.yaml').name} beside it: {in_yaml(told)}",
        )
    try:
        return Description.model_validate(dict(told))
    except ValidationError as error:
        raise _invalid(model, summarise(error)) from error


def in_yaml(told: Mapping[str, Any]) -> str:
    """Return the YAML to write, with what is known and examples of the rest."""
    rest = (name for name in told if name not in NEEDED and told[name] is not None)
    lines = [
        f"{name}: {_plain(told[name]) if told.get(name) is not None else EXAMPLES[name]}"
        for name in (*NEEDED, *rest)
    ]
    return "".join(f"\n    {line}" for line in lines)


def _is_flat(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return len(items) <= MOST_BANDS and not any(isinstance(i, list | dict | set) for i in items)


def _plain(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)


def _from_evoland(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return Evoland's entries as ours: its margin is in pixels of the result."""
    ours = {**told, "values": "reflectance", "range": EVOLAND_RANGE}
    factor, margin = told["factor"], told["margin"]
    if isinstance(factor, int | float) and isinstance(margin, int | float) and factor > 0:
        ours["margin"] = math.ceil(margin / factor)
    return ours


def _invalid(path: Path, problem: str) -> UserError:
    return UserError(
        "onnx-description-invalid",
        f"{path}: {problem}",
        f"write of the network what is needed: {in_yaml({})}",
    )
