import pytest
from pydantic import ValidationError

from sen2naip_sr.training.parameters.losses import PerceptualParameters


def test_the_default_views_are_true_colour_and_false_colour_infrared():
    red, green, blue, infrared = range(4)
    assert PerceptualParameters().triples == [(red, green, blue), (infrared, red, green)]


def test_no_weights_are_taken_by_default():
    assert PerceptualParameters().weights is None


@pytest.mark.parametrize(
    "mistake",
    [
        {"triples": []},
        {"triples": [(0, 1)]},
        {"triples": [(0, 1, -1)]},
        {"layers": {}},
        {"layers": {"relu1_1": 1.0}},
        {"layers": {"relu1_2": 0.0}},
        {"weight": "download"},
    ],
)
def test_refuses_what_makes_no_loss(mistake):
    with pytest.raises(ValidationError, match=next(iter(mistake))):
        PerceptualParameters(**mistake)
