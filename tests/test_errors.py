"""Errors have codes; only the top row says what to type."""

import ast
import pickle
import re
from pathlib import Path

import pytest

import sen2naip_sr
from sen2naip_sr.errors import UserError
from sen2naip_sr.pipelines.parameters import PARAMETERS
from sen2naip_sr.remedies import COMMAND, KEDRO, phrased

SOURCE = Path(sen2naip_sr.__file__).parent
TOP = {
    "command.py", "hooks.py", "settings.py", "pipeline_registry.py", "remedies.py",
    "__main__.py", "cli", "commands", "tracking", "pipelines", "datasets",
}  # fmt: skip
TYPED = re.compile(
    r"(?<![\w-])--[a-z]|\b(kedro|pip|gdal_translate|dask|hf) [a-z-]|\bsen2naip-sr [a-z]"
)
PATHS = re.compile(rf"(^|[\s(])({'|'.join([*PARAMETERS, 'training'])})\.[a-z_]+")


def modules():
    for path in sorted(SOURCE.rglob("*.py")):
        yield path.relative_to(SOURCE), ast.parse(path.read_text())


def calls():
    """Return (place, call) of every UserError that is made, but for those made of another one."""
    return [
        (f"{module}:{node.lineno}", node)
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "UserError"
        and ast.unparse(node.args[0]) not in {"error.code", "*said"}
    ]


def codes():
    return {call.args[0].value for _, call in calls()}


def messages(tree):
    """Return the texts with spaces in a module that are no docstrings."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and " " in node.value
        and id(node) not in documentation
    ]


def test_every_error_has_a_code_a_problem_and_a_remedy():
    assert len(calls()) > 150
    for place, call in calls():
        assert len(call.args) == 3, place
        code = call.args[0]
        assert isinstance(code, ast.Constant), place
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.value), place


@pytest.mark.parametrize("phrases", [COMMAND, KEDRO])
def test_what_to_type_is_said_against_errors_that_exist(phrases):
    assert set(phrases) - codes() == set()


def test_below_the_top_row_no_message_names_a_command_a_flag_or_the_path_of_a_parameter():
    named = [
        f"{module}:{text.lineno}: {text.value}"
        for module, tree in modules()
        if module.parts[0] not in TOP
        for text in messages(tree)
        if TYPED.search(text.value) or PATHS.search(text.value)
    ]
    assert named == []


def test_an_error_survives_the_way_from_another_process():
    error = pickle.loads(pickle.dumps(UserError("file-empty", "a.tif: is empty", "copy it again")))
    assert (error.code, error.problem, error.remedy) == (
        "file-empty", "a.tif: is empty", "copy it again"
    )  # fmt: skip


def test_what_to_type_follows_the_remedy_where_there_is_something():
    there = UserError("output-exists", "a.tif: is there already", "allow overwriting it")
    assert phrased(there, COMMAND).endswith("allow overwriting it (--overwrite)")
    assert phrased(there, KEDRO).endswith("allow overwriting it (upscaling.overwrite=true)")
    empty = UserError("file-empty", "a.tif: is empty", "copy it again")
    assert phrased(empty, COMMAND) == str(empty)
