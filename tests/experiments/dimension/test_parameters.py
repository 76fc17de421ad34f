import pytest
from pydantic import ValidationError

from sen2naip_sr.experiments.dimension.parameters import IntrinsicDimensionParameters


def test_defaults_are_valid_and_lists_can_come_from_the_command_line():
    assert IntrinsicDimensionParameters().dimensions == [16, 64, 256, 1024, 4096, 14512]
    assert IntrinsicDimensionParameters(dimensions="4; 8").dimensions == [4, 8]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patches": 199}, "need 200 patches"),
        ({"dimensions": [0]}, "greater than 0"),
        ({"dimension": [4]}, "did you mean 'dimensions'"),
        ({"training": {"step": 3}}, "did you mean 'steps'"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValidationError, match=message):
        IntrinsicDimensionParameters(**values)
