import pytest

from sen2naip_sr.experiments.dimension.estimators import Estimate
from sen2naip_sr.experiments.dimension.findings import describe_dimension
from sen2naip_sr.experiments.dimension.plan import Gains

ESTIMATES = {
    "patches": [Estimate("two_nn", 9.06, 8.0, 10.2, 100, 0)],
    "check: sphere of 5 dimensions": [Estimate("mle", 4.9, 4.8, 5.04, 100, 0)],
}


def described(share=0.9, **changes):
    values = {"full": 1.0, "subspaces": {16: 0.2, 64: 0.95}, "weights": 1_000, "steps": (7, 7)}
    gains = Gains(**values | {"reached": 50} | changes)
    return describe_dimension("lean", gains, share, ESTIMATES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "90 % of that takes 50 dimensions (d90, 5.0 % of the weights)"),
        ({"reached": 16}, "takes at most 16 dimensions"),
        ({"reached": None}, "d90 is not reached up to 64 dimensions, which gain 95 % of that"),
        ({"reached": None, "full": -0.1}, "no gain to reach a share of"),
        ({"reached": None, "weights": 64}, "as many dimensions as weights: the difference comes"),
        ({"share": 0.5}, "50 % of that takes 50 dimensions (d50"),
        ({}, "gains 1.00 dB over bicubic on the validation chips in 7 steps"),
        ({"steps": (5, 1_200)}, "in 5 to 1,200 steps"),
        ({}, "patches: 9.1 [8.0, 10.2] (TwoNN)"),
        ({}, "check: sphere of 5 dimensions: 4.9 [4.8, 5.0] (maximum likelihood)"),
    ],
)
def test_says_what_the_numbers_support(changes, said):
    assert said in described(**changes)
