import numpy as np
import pytest
import torch
from torch import nn

from sen2naip_sr.chips.shards import ShardedArray
from sen2naip_sr.errors import UserError
from sen2naip_sr.experiments.dimension.features import before_last_convolution, last_features
from sen2naip_sr.experiments.dimension.patches import PatchPositions, draw_positions
from sen2naip_sr.experiments.running.subspace import SubspaceNetwork
from sen2naip_sr.inference.predict import normalised
from sen2naip_sr.models.interpolation import Interpolation
from sen2naip_sr.models.registry import build_model

BANDS, RANGE, CPU = 2, (0.0, 255.0), torch.device("cpu")
LR = np.random.default_rng(0).integers(0, 255, (4, BANDS, 9, 11), dtype=np.uint8)
STORE = ShardedArray.from_array(LR)


def model(name, **parameters):
    torch.manual_seed(0)
    return build_model(name, BANDS, **parameters).eval()


LEAN = model("lean", channels=6, blocks=1)
CARN = model("carn", channels=4, blocks=1, units=1)
UNET = model("unet", widths=[3, 5])


@pytest.mark.parametrize(("network", "channels"), [(LEAN, 6), (CARN, 4), (UNET, 3)])
def test_is_one_row_a_position_whatever_the_network(network, channels):
    at = draw_positions(STORE, np.array([0, 2]), 25, 3, seed=0)
    found = last_features(network, STORE, at, RANGE, CPU)
    assert (found.shape, found.dtype) == ((25, channels), np.float32)
    assert found.std() > 0


@pytest.mark.parametrize(("network", "scale"), [(LEAN, 1), (CARN, 2)])
def test_is_what_the_last_convolution_is_given_at_the_patches_centres(network, scale):
    at = PatchPositions(np.array([3, 1, 3]), np.array([0, 4, 6]), np.array([8, 0, 2]), 3)
    found = last_features(network, STORE, at, RANGE, CPU)
    for row, chip, top, left in zip(found, at.chips, at.rows, at.columns, strict=True):
        given = []
        hook = network.exit.register_forward_pre_hook(lambda _, inputs, g=given: g.extend(inputs))
        with torch.no_grad():
            network(normalised(LR[chip][None], RANGE, CPU))
        hook.remove()
        expected = given[0][0, :, scale * (top + 1), scale * (left + 1)]
        np.testing.assert_array_equal(row, expected.numpy())


def test_the_last_convolution_is_the_one_that_runs_last():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Conv2d(7, 1, 1)
            self.first = nn.Conv2d(1, 7, 1)

        def forward(self, image):
            return self.last(self.first(image))

    assert before_last_convolution(Backwards(), torch.rand(1, 1, 3, 3)).shape == (1, 7, 3, 3)


def test_works_in_subspaces_and_leaves_no_hooks():
    network = SubspaceNetwork(LEAN, 4, seed=0)
    image = torch.rand(1, BANDS, 5, 5)
    expected = before_last_convolution(LEAN, image)
    torch.testing.assert_close(before_last_convolution(network, image), expected)
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_refuses_networks_without_convolutions():
    with pytest.raises(UserError, match="no convolution"):
        before_last_convolution(Interpolation("bicubic"), torch.rand(1, 1, 3, 3))
