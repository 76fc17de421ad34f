import ast
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

import sen2naip_sr
from sen2naip_sr.parameters import Parameters, describe_unknown
from sen2naip_sr.sources.parameters import IngestionParameters


class Example(Parameters):
    """An example."""

    size: int = 3
    """How large."""
    names: list[str] | None = None
    """Which ones."""
    title: str = ""
    """Any text."""


def test_unknown_names_are_refused_with_the_nearest_valid_one():
    with pytest.raises(ValidationError, match=r"'sise': did you mean 'size'.*names, size, title"):
        Example(sise=4)


def test_a_name_like_no_other_is_refused_without_a_guess():
    text = describe_unknown("parameter", "zzz", ["b", "a"])
    assert "did you mean" not in text
    assert "Valid names: a, b" in text


def test_texts_are_split_where_a_list_is_asked_for_and_only_there():
    example = Example(names="a; b;c;", title="a;b")
    assert example.names == ["a", "b", "c"]
    assert example.title == "a;b"


class Named(Parameters):
    """An example with names."""

    folder: str | None = None
    """A text."""
    file: Path | None = None
    """A path."""
    places: list[str] | None = None
    """Texts."""
    weights: dict[str, str] = Field(default={})
    """Texts by name."""
    bands: int | list[int] = 4
    """Numbers."""
    noise: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    """A number or a text."""


@given(st.one_of(st.integers(0, 10**12), st.floats(0.5, 1e6, allow_nan=False)))
def test_numbers_are_names_where_names_are_asked_for_and_only_there(number):
    text = str(number)
    given = Named(folder=number, file=number, places=number, weights={number: number})
    assert (given.folder, given.file, given.places) == (text, Path(text), [text])
    assert given.weights == {text: text}
    assert Named(places=[number, "a"]).places == [text, "a"]
    assert Named(places=text).places == [text]
    assert Named(noise=number).noise == number
    assert Named(bands=[1, 2]).bands == [1, 2]
    assert Named(bands=3).bands == 3


@given(st.text(alphabet=st.characters(exclude_characters=";", codec="utf-8"), min_size=1))
def test_any_text_is_a_name(text):
    assert Named(folder=text).folder == text
    assert Named(places=[text]).places == [text]


def test_parameters_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Example().size = 5


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"source": "directory"}, "needs a path"),
        ({"source": "folder"}, "directory, sample, sen2naip"),
        ({"chip_size": 33}, "chip_size 33 is odd"),
        ({"chip_size": 8}, "greater than or equal to 16"),
        ({"bands": 0}, "at least one band"),
        ({"bands": "0;1"}, "counted from 1"),
        ({"bands": []}, "at least one band"),
        ({"value_range": "1;0"}, "the first must be smaller"),
        ({"grid_metres": 0}, "greater than 0"),
        ({"date_pattern": "-(new"}, "no regular expression"),
        ({"min_valid_fraction": 1.5}, "less than or equal to 1"),
    ],
)
def test_ingestion_refuses_what_makes_no_sense(values, problem):
    with pytest.raises(ValidationError, match=problem):
        IngestionParameters(**values)


def test_bands_and_range_can_be_given_on_the_command_line():
    parameters = IngestionParameters(bands="4;3;2;1", value_range="0;10000")
    assert parameters.bands == [4, 3, 2, 1]
    assert parameters.value_range == (0, 10000)


def fields_without_text(path):
    """Yield the fields of parameter models in a module that no text below them documents.

    A group of parameters is documented by its own class.
    """
    for model in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(model, ast.ClassDef) and model.name.endswith("Parameters")):
            continue
        for field, below in zip(model.body, [*model.body[1:], ast.Pass()], strict=True):
            documented = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if isinstance(field, ast.AnnAssign) and not documented:
                if not ast.unparse(field.annotation).endswith("Parameters"):
                    yield f"{path.name}: {model.name}.{ast.unparse(field.target)}"


def test_every_parameter_is_documented():
    source = Path(sen2naip_sr.__file__).parent
    assert [field for path in source.rglob("*.py") for field in fields_without_text(path)] == []
