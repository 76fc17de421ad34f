import torch

from sen2naip_sr.models.carn import CARN
from sen2naip_sr.models.parameters import CARNParameters


def test_size_is_the_published_one_less_the_two_mean_shifts():
    model = CARN(3, **CARNParameters().model_dump())
    two_mean_shifts = 2 * (3 * 3 + 3)
    assert sum(p.numel() for p in model.parameters()) == 964_187 - two_mean_shifts


def test_receptive_field_of_the_published_size():
    # entry 1, 9 residual blocks of 2 each, upsampler 1, and the exit reaches 1 HR pixel further
    assert CARN(4).receptive_field == 21


def test_tiles_with_the_declared_margin_equal_the_whole():
    torch.manual_seed(0)
    model = CARN(2, channels=4, blocks=1, units=2).double()
    torch.nn.init.normal_(model.exit.weight)
    image = torch.rand(1, 2, 40, 40, dtype=torch.float64)
    margin = model.receptive_field
    tile = model(image[..., 10 - margin : 20 + margin, 10 - margin : 20 + margin])
    inside = tile[..., 2 * margin : -2 * margin, 2 * margin : -2 * margin]
    torch.testing.assert_close(inside, model(image)[..., 20:40, 20:40], rtol=0, atol=1e-12)
