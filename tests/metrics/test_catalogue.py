"""One catalogue: what tables, figures, MLflow and experiments take from it; how it is extended."""

import subprocess
import sys

import pytest

from sen2naip_sr.evaluation.columns import COLUMNS, WIDE_COLUMNS
from sen2naip_sr.evaluation.comparison import MEANS
from sen2naip_sr.metrics.catalogue import (
    COMPUTED,
    METRICS,
    OPTIONAL,
    OVERVIEW,
    QUICK,
    TRACKED,
)
from sen2naip_sr.metrics.metric import Metric

SEVEN = ("psnr", "ssim", "ms_ssim", "rmse", "sam", "ergas", "uiqi")
NDVI = ("ndvi", "ndvi_rmse")
ADDED = """
from sen2naip_sr.metrics.metric import Metric, Pair


def _bands(pair: Pair):
    return (pair.prediction - pair.truth).abs().mean(dim=(-2, -1))


METRIC = Metric(
    key="mae",
    title="MAE",
    unit="DN",
    higher_is_better=False,
    position=45,
    bands=_bands,
    shown="narrow",
)
"""
USE = """
import sys
from sen2naip_sr import metrics
metrics.__path__.append(sys.argv[1])
from sen2naip_sr.evaluation.columns import COLUMNS
from sen2naip_sr.evaluation.runs.parameters import ComparingParameters
from sen2naip_sr.metrics.catalogue import METRICS, QUICK, TRACKED
assert "torch" not in sys.modules
import torch
from sen2naip_sr.metrics.full_reference import score
truth = torch.full((1, 2, 16, 16), 100.0)
ComparingParameters(metric="mae")
assert "mae" in QUICK and "mae" in TRACKED
print(list(METRICS).index("mae"), [column.title for column in COLUMNS].index("MAE DN"))
print(score(truth + 3, truth, data_range=255).chip["mae"].item())
"""


def test_the_lists_that_other_parts_use_are_derived_from_it():
    assert COMPUTED == TRACKED == (*SEVEN, "consistency", "spectrum", *NDVI)
    assert list(METRICS) == [*COMPUTED, *OPTIONAL, "seconds_per_megapixel"]
    assert ("psnr", *MEANS) == TRACKED
    assert QUICK == ("psnr", "ssim", "rmse", "sam", "ergas", "consistency", "spectrum", *NDVI)
    assert OVERVIEW == ("psnr", "ssim", "sam", "spectrum")
    assert {key for key in COMPUTED if METRICS[key].higher_is_better} == {
        *("psnr", "ssim", "ms_ssim", "uiqi")
    }


def test_pages_show_what_terminals_show_and_more():
    narrow, wide = ([column.template for column in each] for each in (COLUMNS, WIDE_COLUMNS))
    assert [template for template in wide if template in narrow] == narrow
    assert set(wide) - set(narrow) == {"{uiqi:.4f}"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((-0.004, -0.3, 0.0), "-0.004 [-0.300, 0.000]"),
        ((-1e-9,), "0.000000"),
        ((12.345,), "12.35"),
    ],
)
def test_amounts_are_not_rounded_to_nothing(values, text):
    metric = Metric(key="m", title="m", higher_is_better=True, position=0)
    assert metric.amount(*values) == text


def test_a_new_metric_is_one_file(tmp_path):
    (tmp_path / "mae.py").write_text(ADDED)
    command = [sys.executable, "-W", "ignore", "-c", USE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4", "3", "3.0"]
