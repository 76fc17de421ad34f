"""The scores as plain numbers, for tools that compare files."""

import json

import pytest
from constructed_scores import make_scores

from sen2naip_sr.evaluation.comparison import compare_methods
from sen2naip_sr.pipelines.evaluation.nodes import summarise

PSNR = {"bicubic": [29.0, 31.0], "lanczos": [30.0, 31.0], "carn": [32.0, 34.0]}


def test_every_method_has_its_scores_as_finite_numbers():
    comparison = compare_methods(make_scores(PSNR, trained=("carn",)), draws=100, seed=0)
    found = summarise(comparison)
    assert set(found) == set(PSNR)
    assert found["carn"]["psnr"] == pytest.approx(33.0)
    assert found["carn"]["gain"] == pytest.approx(2.5)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
