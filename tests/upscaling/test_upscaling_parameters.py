import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.parameters import UpscalingParameters, make_parameters


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "leen"}, "did you mean 'lean'"),
        ({"value_range": "10:1"}, "LOW below HIGH"),
        ({"value_range": "bright"}, "neither auto, dtype nor LOW:HIGH"),
        ({"bands": [1, 1]}, "names a band twice"),
        ({"bands": [0]}, "counted from 1"),
        ({"bands": ["1", " "]}, "or have a name"),
        ({"shard": "3/2"}, "i/n with i from 1 to n"),
        ({"shard": "0/2"}, "i/n with i from 1 to n"),
        ({"device": "tpu"}, "'tpu' is not one of auto, cpu"),
        ({"tile": 8}, "greater than or equal to 16"),
        ({"shard": "1/2", "scheduler": "tcp://a:1"}, "give one"),
        ({"sorce": "a.tif"}, "did you mean 'source'"),
    ],
)
def test_says_what_is_wrong(given, said):
    with pytest.raises(UserError, match="What to do") as raised:
        make_parameters(**given)
    assert said in str(raised.value)


def test_takes_what_the_command_line_and_yaml_have():
    assert make_parameters(bands=["3", "2", "1"]).bands == [3, 2, 1]
    assert make_parameters(bands="3;2;1").bands == [3, 2, 1]
    assert make_parameters(bands="B04; 3").bands == ["B04", 3]
    assert make_parameters(shard="2/3", value_range="0:10000").shard == "2/3"
    assert UpscalingParameters().bands is None


@pytest.mark.parametrize("area", [{"bbox": "1,2,3"}, {"window": [1, 2, 3, 4, 5]}])
def test_an_area_has_four_numbers(area):
    with pytest.raises(UserError, match="numbers, and an area has 4"):
        make_parameters(**area)
