import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sen2naip_sr.inference.network import TorchNetwork, make_network
from sen2naip_sr.inference.predict import normalised, predict
from sen2naip_sr.inference.tiled import upscale_scene
from sen2naip_sr.inference.values import normalise, restore
from sen2naip_sr.raster.arrays import ArrayScene, ArrayTarget
from sen2naip_sr.weights.shipped import load_shipped

CPU = torch.device("cpu")


def upscale(model, lr, value_range):
    return predict(TorchNetwork(model, lr.shape[1], CPU, "eager", "float32"), lr, value_range)


class Repeat(nn.Module):
    """Repeats pixels and adds a constant."""

    def __init__(self, added=0.0):
        super().__init__()
        self.added = added

    def forward(self, lr):
        return lr.repeat_interleave(2, -1).repeat_interleave(2, -2) + self.added


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [("uint8", (0, 255)), ("uint16", (0, 10_000)), ("int16", (-32768, 32767))],
)
def test_every_digital_number_survives(dtype, value_range):
    limits = np.iinfo(dtype)
    lr = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(1, 1, -1, 256)
    upscaled = upscale(Repeat(), lr, value_range)
    assert upscaled.shape == (1, 1, 2 * lr.shape[2], 512)
    np.testing.assert_array_equal(upscaled[..., ::2, ::2], lr)


@given(value=st.integers(0, 255), added=st.floats(-2, 2))
def test_predictions_are_rounded_and_clipped(value, added):
    lr = np.full((1, 1, 1, 1), value, np.uint8)
    (predicted,) = upscale(Repeat(added), lr, (0, 255))[0, 0, 0, :1].tolist()
    assert predicted == int(predicted)
    assert 0 <= predicted <= 255
    assert abs(predicted - min(max(value + 255 * added, 0), 255)) <= 0.501


def test_floats_are_neither_rounded_nor_clipped():
    lr = np.array([[[[0.25, 1.5]]]], np.float32)
    upscaled = upscale(Repeat(0.125), lr, (0, 2))
    np.testing.assert_allclose(upscaled[0, 0, 0, ::2], [0.5, 1.75])


def test_models_see_zero_to_one_and_no_gradients_are_kept():
    seen = []

    class Look(Repeat):
        def forward(self, lr):
            seen.append((lr, torch.is_grad_enabled()))
            return super().forward(lr)

    lr = np.array([[[[100, 10_100]]]], np.uint16)
    upscale(Look(), lr, (100, 10_100))
    ((image, gradients),) = seen
    assert image.flatten().tolist() == [0, 1]
    assert not gradients


def test_what_is_not_a_number_stays_so_also_for_integers():
    lr = np.full((1, 1, 2, 2), 7, np.uint8)
    assert np.isnan(upscale(Repeat(np.nan), lr, (0, 255))).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
def test_is_what_scenes_get_before_the_cast(dtype):
    lr = (np.random.default_rng(0).random((2, 3, 9, 8)) * 250).astype(dtype)
    network = TorchNetwork(Repeat(0.01), 3, CPU, "eager", "float32")
    written = restore(network(normalise(lr, (0, 255))), lr, (0, 255))
    assert written.dtype == dtype
    np.testing.assert_array_equal(predict(network, lr, (0, 255)), written)


@pytest.mark.parametrize("name", ["lean", "unet"])
def test_what_is_scored_is_what_ships_away_from_the_edges(name):
    weights = load_shipped(name)
    network = make_network(weights.build(), device="cpu", precision="float32")
    lr = np.random.default_rng(0).integers(0, 256, (4, 96, 80), dtype=np.uint8)
    scene = ArrayScene(lr)
    target = ArrayTarget(scene)
    upscale_scene(scene, target, network, value_range=(0, 255), tile=64)
    # at the edges, scenes are reflected and scored chips are not
    halo = slice(2 * network.halo, -2 * network.halo)
    inside = (..., halo, halo)
    scored, shipped = predict(network, lr[None], (0, 255))[0][inside], target.values[inside]
    assert shipped.size > 1000
    assert np.abs(scored - shipped).max() <= 1
    assert (scored == shipped).mean() > 0.999


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
@pytest.mark.parametrize("value_range", [(0, 255), (-3.5, 10_000)])
def test_training_and_upscaling_normalise_alike(dtype, value_range):
    lr = (np.random.default_rng(0).random((2, 3, 9, 8)) * 9000).astype(dtype)
    training = normalised(lr, value_range, CPU).numpy()
    np.testing.assert_array_equal(training, normalise(lr, value_range))


def test_normalised_is_float32_in_channels_last():
    tensor = normalised(np.zeros((2, 4, 8, 8), np.uint8), (0, 255), CPU)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous(memory_format=torch.channels_last)
