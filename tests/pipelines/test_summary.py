import io

import pandas as pd
from rich.console import Console

from sen2naip_sr.evaluation.columns import COLUMNS
from sen2naip_sr.pipelines.summary import comparison_table, perceptual_table

TITLES = [column.title for column in COLUMNS]


def shown(synthetic, width=80, **more):
    row = {
        "n_chips": 24,
        "psnr": 31.094,
        "delta_psnr": 2.08,
        "delta_low": 1.81,
        "delta_high": 2.32,
        "ssim": 0.9263,
        "sam": 1.39,
        "ergas": 2.96,
        "consistency": 1.17,
        "spectrum": 3.21,
        "seconds_per_megapixel": 1.31,
    }
    comparison = pd.DataFrame([{"method": "bicubic_pil", **row, **more}])
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_table(comparison, synthetic))
    return console.file.getvalue()


def test_the_table_fits_a_terminal_of_80_columns():
    heading, _, rows = shown(synthetic=False).partition("─")
    assert {word for title in TITLES for word in title.split()} <= set(heading.split())
    row = " ".join(rows.split())
    assert "bicubic_pil 31.09 +2.08 [+1.81, +2.32] 0.9263 1.39 2.96 1.17 3.21 1.31 " in row


def test_synthetic_chips_are_called_so():
    assert "24 synthetic test chips" in shown(synthetic=True)
    assert "synthetic" not in shown(synthetic=False)


def test_networks_of_other_trainings_are_called_so():
    assert "not seen in training" in shown(synthetic=False, origin=float("nan"))
    other = " ".join(shown(synthetic=False, origin="another run").split())
    assert "not seen in training" in other
    assert "(another run)" in other
    unknown = " ".join(shown(synthetic=False, origin="shipped, may have seen them").split())
    assert "not seen in training" not in unknown
    assert "not trained on in this run" in unknown


def test_networks_below_the_linear_filter_are_marked():
    failed = " ".join(shown(synthetic=False, failed=True, origin="shipped").split())
    assert "(shipped, failed)" in failed
    assert "failed: below the linear filter" in failed
    assert "failed" not in shown(synthetic=False, failed=False)


def test_optional_metrics_are_shown_with_the_digits_of_the_catalogue():
    rows = [("bicubic", "KD (Lean encoder, all bands)", 7.8e-5), ("bicubic", "GMSD", 0.05)]
    console = Console(file=io.StringIO(), width=80)
    console.print(perceptual_table(pd.DataFrame(rows, columns=["method", "title", "value"])))
    assert "0.000078" in console.file.getvalue()
    assert "0.0500 " in console.file.getvalue()
