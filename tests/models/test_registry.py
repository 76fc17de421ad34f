import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.interpolation import INTERPOLATIONS
from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.models.registry import MODELS, build_model


def test_covers_every_interpolation_the_linear_filter_and_every_network():
    trainable = {name for name, spec in MODELS.items() if spec.trainable}
    assert trainable == set(NETWORKS)
    assert set(MODELS) - trainable == {*INTERPOLATIONS, "linear"}


def test_parameters_reach_the_network():
    model = build_model("carn", 5, channels=7, blocks=1, units=2)
    assert model.entry.weight.shape == (7, 5, 3, 3)
    assert len(model.body.stages) == 1
    assert len(model.body.stages[0].stages) == 2


def test_a_gan_is_its_generator():
    size = {"widths": [4, 6, 8]}
    torch.manual_seed(0)
    gan = build_model("gan", 3, generator="unet", generator_parameters=size)
    torch.manual_seed(0)
    generator = build_model("unet", 3, **size)
    assert type(gan) is type(generator)
    assert (gan.receptive_field, gan.multiple) == (generator.receptive_field, generator.multiple)
    weights = generator.state_dict()
    assert all(torch.equal(values, weights[name]) for name, values in gan.state_dict().items())


@pytest.mark.parametrize(
    ("name", "bands", "parameters", "named"),
    [
        ("carnn", 4, {}, ["'carnn'", "did you mean 'carn'", "lanczos"]),
        ("carn", 4, {"chanels": 8}, ["'carn'", "'chanels'", "did you mean 'channels'", "units"]),
        ("carn", 4, {"channels": 0}, ["'carn'", "channels", "greater than"]),
        ("bicubic", 4, {"a": -0.5}, ["'bicubic'", "'a'"]),
        ("carn", 0, {}, ["0 bands"]),
        ("gan", 4, {"generator": "gan"}, ["unknown generator 'gan'", "carn, carn_m"]),
        ("gan", 4, {"generator": "bicubic"}, ["unknown generator 'bicubic'", "unet"]),
        (
            "gan",
            4,
            {"generator": "unet", "generator_parameters": {"width": [8]}},
            ["generator_parameters", "'width'", "did you mean 'widths'"],
        ),
        (
            "gan",
            4,
            {"generator": "carn", "generator_parameters": {"blocks": 0}},
            ["generator_parameters: blocks", "greater than"],
        ),
    ],
)
def test_mistakes_are_named(name, bands, parameters, named):
    with pytest.raises(UserError) as error:
        build_model(name, bands, **parameters)
    assert all(part in str(error.value) for part in named)
