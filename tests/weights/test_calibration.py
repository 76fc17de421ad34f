"""Calibrations that are damaged or made up are refused, or give half-widths."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.intervals.width import Intervals
from sen2naip_sr.weights.calibration import Calibration, calibration_path, load_calibration
from sen2naip_sr.weights.names import FOLDER
from sen2naip_sr.weights.shipped import load_shipped

JUNK = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.just([]), st.just({}),
    st.sampled_from([0, -1, 1e308, "NaN", float("inf"), float("nan"), [1.0], [[1.0], [2.0, 3.0]]]),
)  # fmt: skip


@cache
def shipped():
    return calibration_path(FOLDER / "lean.safetensors").read_text()


def places(node, path=()):
    """Yield the path of every value in nested lists and dictionaries."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@st.composite
def damaged(draw):
    content = json.loads(shipped())
    *path, last = draw(st.sampled_from(sorted(places(content), key=str)))
    holder = content
    for key in path:
        holder = holder[key]
    if draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = draw(JUNK)
    return json.dumps(content)


def half_widths(text, folder):
    """Return the half-widths of a calibration; None if it is refused."""
    weights = replace(load_shipped("lean"), source=str(folder / "w.safetensors"))
    calibration_path(Path(weights.source)).write_text(text)
    try:
        made = Intervals(load_calibration(weights))
        with np.errstate(over="ignore", invalid="ignore"):
            return made(np.linspace(0, 1, 4 * 24 * 24, dtype=np.float32).reshape(4, 24, 24))
    except UserError as error:
        assert error.remedy
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("calibrations")


def test_the_shipped_one_gives_half_widths(folder):
    found = half_widths(shipped(), folder)
    assert found.shape == (4, 24, 24)
    assert np.isfinite(found).all()
    assert (found > 0).all()


@settings(max_examples=60, deadline=None)
@given(text=damaged())
def test_a_damaged_one_is_refused_or_gives_half_widths(folder, text):
    found = half_widths(text, folder)
    assert found is None or found.shape == (4, 24, 24)


@pytest.mark.parametrize(
    "change",
    [
        lambda known: known["width"]["spread"].__setitem__(0, 0.0),
        lambda known: known["width"]["hidden"][0].pop(),
        lambda known: known["width"]["output"].pop(),
        lambda known: known.update(correction=-1.0),
        lambda known: known.update(level=1.0),
        lambda known: known["width"].update(bias=float("inf")),
    ],
)
def test_what_cannot_be_computed_with_is_refused(folder, change):
    content = json.loads(shipped())
    change(content)
    assert half_widths(json.dumps(content), folder) is None


def test_one_of_other_features_is_refused():
    content = json.loads(shipped())
    width = content["width"]
    for name in ("centre", "spread", "direct"):
        width[name].pop()
    for row in width["hidden"]:
        row.pop()
    with pytest.raises(UserError, match="calibration is for"):
        Intervals(Calibration.model_validate(content))
