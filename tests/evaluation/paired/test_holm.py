import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen2naip_sr.evaluation.paired.holm import holm_adjusted


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # a later one may not fall below one before it
        ([0.02, 0.021, 0.022], [0.06, 0.06, 0.06]),
        ([0.2], [0.2]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([], []),
    ],
)
def test_known_examples(p_values, adjusted):
    assert holm_adjusted(p_values) == pytest.approx(adjusted)


def test_a_comparison_without_a_p_value_counts_for_nothing():
    adjusted = holm_adjusted([0.01, math.nan, 0.04])
    assert math.isnan(adjusted[1])
    assert adjusted[[0, 2]] == pytest.approx([0.02, 0.04])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_order_does_not_matter_and_nothing_gets_smaller(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    adjusted = holm_adjusted(p_values)
    assert holm_adjusted([p_values[i] for i in order]) == pytest.approx(adjusted[order])
    assert (adjusted >= np.array(p_values) - 1e-12).all()
    assert adjusted.max() <= 1
    # between plain and Bonferroni
    assert (adjusted <= np.minimum(np.multiply(p_values, len(p_values)), 1) + 1e-12).all()


@pytest.mark.parametrize("p_values", [[1.2], [-0.1], [[0.1]]])
def test_what_is_no_list_of_p_values_is_refused(p_values):
    with pytest.raises(ValueError, match="p-values must"):
        holm_adjusted(p_values)
