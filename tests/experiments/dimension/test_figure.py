import io
import math

import pytest

from sen2naip_sr.experiments.dimension.estimators import Estimate
from sen2naip_sr.experiments.dimension.figure import draw_dimension

GAINS = {16: 0.1, 64: 0.5, 1024: 0.95}


def estimates(dimension, reach=1.1):
    low, high = dimension / reach, dimension * reach
    return [Estimate(name, dimension, low, high, 100, 0) for name in ("two_nn", "mle")]


def drawn(gains=GAINS, full=1.0, kinds=None, **options):
    kinds = kinds or {"patches": estimates(5.2), "features": estimates(7.4)}
    return draw_dimension(gains, full, 12_345, kinds, **options)


def texts(figure):
    figure.savefig(io.BytesIO(), format="png")
    found = []
    for axis in figure.axes:
        found += [axis.get_title(), axis.get_xlabel(), axis.get_ylabel()]
        found += [text.get_text() for text in (*axis.texts, *axis.get_yticklabels())]
        if axis.get_legend():
            found += [text.get_text() for text in axis.get_legend().get_texts()]
    return " | ".join(found)


def test_shows_gains_on_a_logarithmic_axis_and_what_all_weights_gain():
    figure = drawn()
    axis = figure.axes[0]
    assert axis.get_xscale() == "log"
    assert axis.lines[0].get_xydata().tolist() == [[16, 0.1], [64, 0.5], [1024, 0.95]]
    said = texts(figure)
    for text in ("all 12,345 weights: 1.00 dB", "90 %: 0.90 dB", "gain over bicubic, dB"):
        assert text in said


def test_marks_the_dimension_that_reaches_the_share():
    figure = drawn({10: 0.8, 1000: 1.0})
    assert "d90 = 100" in texts(figure)
    assert figure.axes[0].lines[-1].get_xydata().tolist() == [[100, 0.9]]
    assert "d50 = 64" in texts(drawn(share=0.5))


def test_says_where_it_is_not_reached_or_nothing_is_gained():
    assert "d90 not reached up to 1,024" in texts(drawn(full=2.0))
    said = texts(drawn(full=-0.1))
    assert "all 12,345 weights: -0.10 dB" in said
    assert "d90" not in said


def test_shows_every_estimate_with_its_kind_and_estimator():
    figure = drawn()
    said = texts(figure)
    for text in ("patches | features", "5.2", "7.4", "TwoNN | maximum likelihood", "95 %"):
        assert text in said
    bars = [container.lines[2][0].get_segments() for container in figure.axes[1].containers]
    assert [len(segments) for segments in bars] == [2, 2]
    assert bars[0][0][:, 0] == pytest.approx([5.2 / 1.1, 5.2 * 1.1])


def test_the_first_kind_is_at_the_top():
    bottom, top = drawn().axes[1].get_ylim()
    assert bottom > top


def test_estimates_without_intervals_are_points():
    bare = [Estimate("mle", 3.4, math.nan, math.nan, 100, 0)]
    assert "3.4" in texts(drawn(kinds={"patches": bare}))
