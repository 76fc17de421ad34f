import math

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.d90 import d90


def test_is_a_measured_dimension_that_just_reaches_it():
    assert d90({10: 0.1, 1000: 0.9, 100: 0.5}, full=1.0) == 1000


def test_lies_between_measured_dimensions_by_their_logarithms():
    assert d90({10: 0.8, 1000: 1.0}, full=1.0) == 100
    assert d90({100: 0.5, 200: 1.0}, full=1.0) == math.ceil(100 * 2**0.8)


def test_a_first_dimension_above_it_is_an_upper_bound():
    assert d90({16: 0.95, 32: 1.0}, full=1.0) == 16


def test_is_none_where_no_dimension_reaches_it():
    assert d90({10: 0.1, 100: 0.5}, full=1.0) is None
    assert d90({10: math.nan}, full=1.0) is None


def test_counts_the_first_passage_of_a_curve_that_falls_again():
    assert d90({10: 0.5, 20: 0.9, 40: 0.7, 80: 1.0}, full=1.0) == 20


def test_other_shares():
    assert d90({10: 0.4, 1000: 0.6}, full=1.0, share=0.5) == 100


def test_passes_over_what_is_no_number():
    assert d90({10: math.nan, 100: 0.95}, full=1.0) == 100


@pytest.mark.parametrize("full", [0.0, -0.1, math.nan])
def test_refuses_a_network_that_gains_nothing(full):
    with pytest.raises(UserError, match="gains"):
        d90({10: 0.1}, full=full)


@pytest.mark.parametrize("gains", [{}, {0: 1.0, 5: 1.0}])
def test_refuses_dimensions_that_there_are_not(gains):
    with pytest.raises(UserError, match="dimension"):
        d90(gains, full=1.0)
