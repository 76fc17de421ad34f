"""No axis of any study's figure has an offset, however close the values are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.evaluation.figures.history import draw_history
from sen2naip_sr.evaluation.figures.pairs import draw_pairs
from sen2naip_sr.experiments.comparison import figure as comparison
from sen2naip_sr.experiments.dimension.estimators import Estimate
from sen2naip_sr.experiments.dimension.figure import draw_dimension
from sen2naip_sr.experiments.tuning.figure import draw_search
from sen2naip_sr.experiments.tuning.parameters import RangeParameters
from sen2naip_sr.metrics.catalogue import OVERVIEW


def close(start, step):
    return start + step * np.arange(3)


def compared(start, step):
    values = close(start, step)[::-1]
    ends = {"low": values - values.max() - step, "high": values - values.max() + step}
    return pd.DataFrame(
        {
            "variation": ["a", "b", "c"],
            **dict.fromkeys(OVERVIEW, values),
            "psnr": values,
            "behind_best": values - values.max(),
            **{f"behind_{end}": found for end, found in ends.items()},
            **{f"behind_{key}_{end}": found for key in OVERVIEW for end, found in ends.items()},
            **dict.fromkeys(comparison.COSTS, close(1e6, 1e3)),
            **{f"on_front_{cost}": True for cost in comparison.COSTS},
        }
    )


def folds(start, step):
    values = close(start, step)
    ends = {"low": values - step, "high": values + step}
    names = {f"{stem}_{end}": found for stem in ("psnr", "delta") for end, found in ends.items()}
    return pd.DataFrame(
        {"fold": ["0", "1", "all"], "places": "p", "n_chips": 2, "psnr": values}
        | {"delta_psnr": values}
        | names
    )


def searched(start, step):
    space = {"training.learning_rate": RangeParameters(low=0.1, high=0.2)}
    values = close(start, step)
    table = pd.DataFrame({"trial": range(3), "state": "complete", "own": False, "psnr": values})
    table = table.assign(last_psnr=values, behind_low=-step, behind_high=step)
    return draw_search(table.assign(**{"training.learning_rate": close(0.1, 1e-6)}), {}, space)


def subspaces(start, step):
    gains = dict(zip((4, 8, 16), close(start, step), strict=True))
    ends = {number: (gain - step, gain + step) for number, gain in gains.items()}
    kinds = {"patches": [Estimate("mle", 3.0, 2.0, 4.0, 9, 0)]}
    return draw_dimension(gains, start, 99, kinds, intervals=ends | {None: (start, start + step)})


def real_pairs(start, step):
    rows = [(f"m{m}", f"p{n}", gain) for m in range(2) for n, gain in enumerate(close(start, step))]
    table = pd.DataFrame(rows, columns=["method", "pair", "gain"])
    return draw_pairs(table.assign(trained=True, correlation=0.9))


DRAWN = {
    "costs": lambda *close: comparison.draw_costs(compared(*close)),
    "losses": lambda *close: comparison.draw_qualities(compared(*close)),
    "bars": lambda *close: comparison.draw_intervals(compared(*close)),
    "folds": lambda *close: comparison.draw_folds(folds(*close)),
    "search": searched,
    "dimension": subspaces,
    "pairs": real_pairs,
    "history": lambda *close: draw_history(
        pd.DataFrame({"step": range(3), "loss": globals()["close"](*close)})
    ),
}


@pytest.mark.parametrize("name", DRAWN)
@settings(max_examples=3, deadline=None, derandomize=True)
@given(start=st.floats(20, 40), step=st.floats(1e-6, 1e-3))
def test_no_axis_has_an_offset(name, start, step):
    figure = DRAWN[name](start, step)
    figure.canvas.draw()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            assert axis.get_offset_text().get_text() == ""


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "history"])
def test_every_study_draws_its_intervals(name):
    figure = DRAWN[name](30.0, 0.1)
    lines = [found for axes in figure.axes for found in axes.collections]
    bars = [found for found in lines if hasattr(found, "get_segments")]
    segments = [segment for found in bars for segment in found.get_segments()]
    assert any(np.ptp(segment, axis=0).max() > 0.01 for segment in segments)
