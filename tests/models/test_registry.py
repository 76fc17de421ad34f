import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.models.parameters import NETWORK_PARAMETERS
from sen2naip_sr.models.registry import MODELS, build_model


def test_covers_every_interpolation_and_every_network():
    trainable = {name for name, spec in MODELS.items() if spec.trainable}
    assert trainable == set(NETWORK_PARAMETERS)
    assert set(MODELS) - trainable == set(INTERPOLATIONS)


def test_parameters_reach_the_network():
    model = build_model("carn", 5, channels=7, blocks=1, units=2)
    assert model.entry.weight.shape == (7, 5, 3, 3)
    assert len(model.body.stages) == 1
    assert len(model.body.stages[0].stages) == 2


@pytest.mark.parametrize(
    ("name", "bands", "parameters", "named"),
    [
        ("carm", 4, {}, ["'carm'", "did you mean 'carn'", "lanczos"]),
        ("carn", 4, {"chanels": 8}, ["'carn'", "'chanels'", "did you mean 'channels'", "units"]),
        ("carn", 4, {"channels": 0}, ["'carn'", "channels", "greater than"]),
        ("bicubic", 4, {"a": -0.5}, ["'bicubic'", "'a'"]),
        ("carn", 0, {}, ["0 bands"]),
    ],
)
def test_mistakes_are_named(name, bands, parameters, named):
    with pytest.raises(UserError) as error:
        build_model(name, bands, **parameters)
    assert all(part in str(error.value) for part in named)
