import numpy as np
from constructed_scores import make_scores

from sen2naip_sr.evaluation.columns import COLUMNS
from sen2naip_sr.evaluation.comparison import compare_methods

PSNR = {"lanczos": [30.0, 32.0], "carn": [32.256, 34.256]}


def shown(**options):
    comparison = compare_methods(make_scores(PSNR, **options), draws=100, seed=0)
    best = comparison.to_dict("records")[0]
    return {column.title: column.show(best) for column in COLUMNS}


def test_every_column_shows_what_the_comparison_holds():
    assert shown() == {
        "PSNR dB": "33.26",
        "difference dB": "+2.26 [+2.26, +2.26]",
        "SSIM": "0.5000",
        "SAM °": "0.50",
        "ERGAS": "0.50",
        "consist.": "0.50",
        "spectrum dB": "0.50",
        "s/Mpx": "1.50",
    }


def test_what_has_no_value_is_a_dash():
    # one band has no spectral angle, a tiny chip no spectrum, one location no interval
    cells = shown(sam=np.nan, spectrum=np.nan, locations=["a", "a"])
    assert cells["SAM °"] == cells["spectrum dB"] == "-"
    assert cells["difference dB"] == "+2.26 [-, -]"
