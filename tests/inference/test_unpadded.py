import pytest
import torch
from torch import nn

from sen2naip_sr.inference.acceleration.unpadded import without_padding
from sen2naip_sr.models.registry import build_model

CASCADING = {"channels": 6, "blocks": 2, "units": 2}
SIZES = {
    "lean": {"channels": 6, "blocks": 2},
    "carn": CASCADING,
    "carn_m": CASCADING | {"groups": 2},
    "gan": {"generator": "carn", "generator_parameters": CASCADING},
}


def trained(name):
    torch.manual_seed(0)
    model = build_model(name, 2, **SIZES[name]).double().eval()
    with torch.no_grad():
        for values in model.parameters():
            values.add_(torch.randn_like(values), alpha=0.05)
    return model


@pytest.mark.parametrize("name", SIZES)
def test_without_padding_the_middle_is_the_same(name):
    model = trained(name)
    image = torch.rand(2, 2, 2 * model.receptive_field + 5, 2 * model.receptive_field + 8)
    image = image.double()
    whole, inner = model(image), without_padding(model)(image)
    cut = (whole.shape[-1] - inner.shape[-1]) // 2
    assert 0 <= 2 * model.receptive_field - cut <= 1
    middle = whole[..., cut:-cut, cut:-cut]
    torch.testing.assert_close(inner, middle, rtol=0, atol=1e-13)
    assert not torch.allclose(middle, whole[..., : middle.shape[-2], : middle.shape[-1]])


def test_the_model_itself_stays_padded():
    model = trained("carn")
    without_padding(model)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.padding for layer in layers} == {(0, 0), (1, 1)}


@pytest.mark.parametrize(("name", "size"), [("unet", {"widths": [4, 5]}), ("bicubic", {})])
def test_models_that_need_their_padding_have_no_such_form(name, size):
    assert without_padding(build_model(name, 2, **size)) is None
