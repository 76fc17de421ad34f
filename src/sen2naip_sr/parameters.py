"""The base of every parameter model: typed, frozen, closed to unknown names."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

LIST_SEPARATOR = ";"


def describe_unknown(kind: str, name: str, known: list[str]) -> str:
    """Return a sentence on an unknown name of a kind, such as ``model``, and the nearest known.

    A name may lack what stands before the last dot of a known one.
    """
    short = {one.rpartition(".")[2]: one for one in known}
    full = short | {one: one for one in known}
    nearest = get_close_matches(name, full, n=1, cutoff=0.5)
    hint = f"did you mean '{full[nearest[0]]}'? " if nearest else ""
    return f"unknown {kind} '{name}': {hint}Valid names: {', '.join(sorted(known))}"


def known_as(kind: str, known: Collection[str]) -> AfterValidator:
    """Return pydantic's check that a text is one of the known names of a kind."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(describe_unknown(kind, name, list(known)))
        return name

    return AfterValidator(check)


_ALTERNATIVE = re.compile(r"(constrained-)?(int|float|str|bool)|literal\[.*\]")
"""What pydantic adds to a parameter's name for each of the kinds of values that it may have."""
_START = "Input should be "


def summarise(error: ValidationError) -> str:
    """Return what is wrong with which parameter, in one line."""
    return describe_faults(error.errors())


def describe_faults(faults: Iterable[Any]) -> str:
    """Return what is wrong with which parameter, in one line, of pydantic's list of faults."""
    return "; ".join(list_faults(faults))


def list_faults(faults: Iterable[Any]) -> list[str]:
    """Return what is wrong with each parameter, of pydantic's list of faults."""
    found: dict[str, list[str]] = {}
    for problem in faults:
        *path, last = map(str, problem["loc"] or ("",))
        name = ".".join(path if path and _ALTERNATIVE.fullmatch(last) else [*path, last])
        # what pydantic puts before the text of a validator of our own
        found.setdefault(name, []).append(problem["msg"].removeprefix("Value error, "))
    return [
        f"{name}: {_either(messages)}" if name else "; ".join(messages)
        for name, messages in found.items()
    ]


def _either(messages: Sequence[str]) -> str:
    """Return as one what is wrong for each of the kinds of values that a parameter may have."""
    # shorter ones first: names of values before the long story of a number
    first, *others = sorted(dict.fromkeys(messages), key=len)
    return " or ".join([first, *(other.removeprefix(_START) for other in others)])


def _takes_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple) or any(map(_takes_list, get_args(annotation)))


def numbers_in(bands: Any) -> Any:
    """Return a list of bands in which numbers that are given as text are numbers."""
    if not isinstance(bands, list | tuple):
        return bands
    return [
        int(band) if isinstance(band, str) and re.fullmatch(r"\s*-?\d+\s*", band) else band
        for band in bands
    ]


def split_numbers(numbers: Any) -> Any:
    """Return numbers that are given as one text, with commas between them, as a list."""
    if isinstance(numbers, list | tuple) and len(numbers) == 1:
        (numbers,) = numbers
    return numbers.split(",") if isinstance(numbers, str) else numbers


def require_bands_exist(bands: Sequence[int | str] | None) -> None:
    """Raise a `ValueError` if a band has a number below 1 or an empty name."""
    for band in bands or ():
        if (isinstance(band, int) and band < 1) or (isinstance(band, str) and not band.strip()):
            raise ValueError(f"'{band}' is no band: they are counted from 1, or have a name")


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union, without their annotations."""
    if get_origin(annotation) is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation


def with_names(annotation: Any, value: Any) -> Any:
    """Return a value with texts for numbers where only texts are valid: a folder called 2018.

    Args:
        annotation: The type of the field.
        value: What was given for it; lists and dictionaries are searched too.
    """
    kinds = list(_kinds(annotation))
    if type(value) in (int, float):
        if any(kind in (int, float, bool, Any) for kind in kinds):
            return value
        if any(kind in (str, Path) for kind in kinds):
            return str(value)
    for kind in kinds:
        inner = get_args(kind)
        if get_origin(kind) in (list, tuple) and inner:
            if isinstance(value, list | tuple):
                return [with_names(inner[0], item) for item in value]
            number = type(value) in (int, float) or (isinstance(value, str) and value.isdigit())
            if number and not {str, int, float} & {*kinds} and str in _kinds(inner[0]):
                return [str(value)]
        if get_origin(kind) is dict and isinstance(value, dict):
            return {with_names(inner[0], k): with_names(inner[1], v) for k, v in value.items()}
    return value


class Parameters(BaseModel):
    """Parameters of one part of the project.

    Subclasses declare typed fields, each documented by the text below it. Unknown names are
    refused with the nearest valid name. A text given for a list is split at semicolons, since
    Kedro's command line already splits at commas. A number given for a text is one, since YAML
    and the command line take names such as 2018 for numbers.
    """

    # building validators on first use saves what starts but checks nothing 0.1 s
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_names(cls, values: Any) -> Any:
        if isinstance(values, dict):
            known = list(cls.model_fields)
            unknown = [name for name in values if name not in known]
            if unknown:
                raise ValueError(
                    "; ".join(describe_unknown("parameter", n, known) for n in unknown)
                )
        return values

    @model_validator(mode="before")
    @classmethod
    def _take_numbers_for_names(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {
            name: with_names(fields[name].annotation, value) if name in fields else value
            for name, value in values.items()
        }

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: [item.strip() for item in value.split(LIST_SEPARATOR) if item.strip()]
            if isinstance(value, str)
            and not value.isdigit()
            and name in cls.model_fields
            and _takes_list(cls.model_fields[name].annotation)
            else value
            for name, value in values.items()
        }
