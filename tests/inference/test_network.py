from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.inference import backends
from sen2naip_sr.inference.acceleration.winograd import (
    PointwiseConv2d,
    WinogradConv2d,
    quicker_layer,
    with_winograd,
)
from sen2naip_sr.inference.hardware import resolve_device
from sen2naip_sr.inference.internals import has_nnpack
from sen2naip_sr.inference.network import LARGEST_TILE, SMALLEST_TILE, make_network
from sen2naip_sr.inference.speed import matrix_product_rate, measure_speed
from sen2naip_sr.models.cost import multiply_adds, multiply_adds_per_pixel
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.weights.shipped import load_shipped

SIZES = {
    "lean": {"channels": 32, "blocks": 2},
    "carn": {"channels": 32, "blocks": 1, "units": 1},
    "carn_m": {"channels": 32, "groups": 2, "blocks": 1, "units": 2},
    "unet": {"widths": [16, 32]},
    "gan": {"generator": "lean", "generator_parameters": {"channels": 32, "blocks": 1}},
}
needs_winograd = pytest.mark.skipif(not has_nnpack(), reason="NNPACK does not run here")


def trained(name, bands=4, **size):
    """Return a network whose correction is as large as a trained one's."""
    torch.manual_seed(0)
    model = build_model(name, bands, **(size or SIZES[name])).eval()
    with torch.no_grad():
        for weights in list(model.parameters())[-2:]:
            weights.normal_(std=0.02)
    return model


def random_tiles(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def plain(model, tiles):
    with torch.no_grad():
        return model(torch.from_numpy(tiles)).numpy()


@pytest.mark.parametrize(
    "backend", ["auto", "eager", pytest.param("winograd", marks=needs_winograd)]
)
@pytest.mark.parametrize("name", SIZES)
def test_every_backend_computes_what_the_model_computes(name, backend):
    model, tiles = trained(name), random_tiles(3, 4, 33, 26)
    network = make_network(model, backend=backend, precision="float32")
    result = network(tiles)
    assert result.shape == (3, 4, 66, 52) and result.dtype == np.float32
    np.testing.assert_allclose(result, plain(model, tiles), rtol=0, atol=5e-6)


@pytest.mark.parametrize("backend", ["eager", pytest.param("winograd", marks=needs_winograd)])
@pytest.mark.parametrize("name", SIZES)
def test_surroundings_that_are_not_wanted_are_left_out(name, backend):
    network = make_network(trained(name), backend=backend, precision="float32")
    tiles = random_tiles(2, 4, 2 * network.halo + 12, 2 * network.halo + 7)
    whole = network(tiles)
    for trim in (1, network.halo, network.halo + 2):
        inner = (..., slice(2 * trim, -2 * trim), slice(2 * trim, -2 * trim))
        result = network(tiles, trim=trim)
        np.testing.assert_allclose(result, whole[inner], rtol=0, atol=1e-6)


def test_what_tiles_need_is_what_the_model_declares():
    model = trained("unet", widths=[4, 5, 6])
    network = make_network(model, device="cpu")
    assert (network.bands, network.halo) == (4, model.receptive_field)
    assert network.multiple == model.multiple == 2
    assert network.batch == 1


def test_wider_networks_get_smaller_tiles():
    sides = [
        make_network(build_model("lean", 3, channels=channels, blocks=1), device="cpu").tile
        for channels in (8, 96, 192, 1536)
    ]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == LARGEST_TILE
    assert sides[-1] == SMALLEST_TILE
    assert SMALLEST_TILE < sides[2] < sides[1] < LARGEST_TILE


def test_interpolations_are_networks_of_any_bands():
    tiles = random_tiles(2, 3, 7, 5)
    network = make_network(build_model("bicubic", 3), bands=3)
    expected = F.interpolate(torch.from_numpy(tiles), scale_factor=2, mode="bicubic")
    assert (network.bands, network.halo, network.multiple) == (3, 2, 1)
    np.testing.assert_allclose(network(tiles), expected.numpy(), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="bands"):
        make_network(build_model("bicubic", 3))


@needs_winograd
@pytest.mark.parametrize("name", ["lean", "carn", "unet"])
def test_tiles_of_the_shipped_networks_give_what_the_image_gives(name):
    network = make_network(load_shipped(name).build(), backend="winograd")
    image = random_tiles(1, 4, 94, 70)
    reach, start = network.halo + -network.halo % network.multiple, 8
    whole = network(image)[..., 2 * (start + reach) : -2 * reach, 2 * (start + reach) : -2 * reach]
    tile = network(np.ascontiguousarray(image[..., start:, start:]))
    np.testing.assert_allclose(
        tile[..., 2 * reach : -2 * reach, 2 * reach : -2 * reach], whole, rtol=0, atol=1e-5
    )


@needs_winograd
def test_dense_convolutions_with_many_channels_are_replaced():
    def replaced(name):
        return Counter(type(layer) for layer in with_winograd(trained(name)).modules())

    # not the entries, with 4 inputs, nor the exits, with few outputs, nor grouped convolutions
    assert replaced("lean")[WinogradConv2d] == 2 * 2 + 1
    assert (replaced("carn")[WinogradConv2d], replaced("carn")[PointwiseConv2d]) == (3, 2)
    assert (replaced("carn_m")[WinogradConv2d], replaced("carn_m")[PointwiseConv2d]) == (0, 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"stride": 2},
        {"dilation": 2, "padding": 2},
        {"padding": 0},
        {"groups": 2},
        {"padding_mode": "replicate"},
        {"kernel_size": 5, "padding": 2},
        {"kernel_size": 1},
        {"kernel_size": 1, "padding": 0, "stride": 2},
        {"in_channels": 4},
        {"out_channels": 16},
    ],
)
def test_other_convolutions_are_left_alone(changes):
    usual = {"in_channels": 32, "out_channels": 32, "kernel_size": 3, "padding": 1}
    assert isinstance(quicker_layer(nn.Conv2d(**usual)), WinogradConv2d)
    assert quicker_layer(nn.Conv2d(**usual | changes)) is None


@needs_winograd
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (3, "same"), (1, 0), (1, "valid")])
def test_quicker_layers_compute_the_same(kernel, padding, bias):
    convolution = nn.Conv2d(16, 32, kernel, padding=padding, bias=bias)
    features = torch.rand(1, 16, 13, 20)
    with torch.no_grad():
        result = quicker_layer(convolution)(features)
        torch.testing.assert_close(result, convolution(features), rtol=0, atol=1e-5)


def test_the_model_stays_as_it_was():
    model = trained("lean")
    before = {name: values.clone() for name, values in model.state_dict().items()}
    kinds = [type(layer) for layer in model.modules()]
    make_network(model)(random_tiles(1, 4, 8, 8))
    assert [type(layer) for layer in model.modules()] == kinds
    assert model.entry.weight.is_contiguous()
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name])


def test_dropout_and_batch_statistics_are_those_of_evaluation():
    model = trained("unet", widths=[8, 8], normalisation="batch").train()
    tiles = random_tiles(2, 4, 16, 16)
    result = make_network(model, precision="float32")(tiles)
    assert model.training
    np.testing.assert_allclose(result, plain(model.eval(), tiles), rtol=0, atol=5e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_leaves_the_bicubic_part_in_float32(precision):
    tiles = random_tiles(1, 4, 16, 16)
    untrained = build_model("lean", 4, channels=8, blocks=1)
    bicubic = F.interpolate(torch.from_numpy(tiles), scale_factor=2, mode="bicubic").numpy()
    result = make_network(untrained, device="cpu", precision=precision)(tiles)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, bicubic, rtol=0, atol=1e-6)


def test_half_precision_changes_the_correction_by_its_rounding():
    model, tiles = trained("lean"), random_tiles(1, 4, 16, 16)
    exact = plain(model, tiles)
    bits = {"bfloat16": 8, "float16": 11}
    correction = np.abs(exact - plain(build_model("bicubic", 4), tiles)).max()
    for precision, digits in bits.items():
        result = make_network(model, device="cpu", precision=precision)(tiles)
        error = np.abs(result - exact).max()
        assert 0 < error < 4 * correction * 2.0**-digits


def test_auto_takes_bfloat16_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(backends, "best_precision", lambda kind: "bfloat16")
    network = make_network(trained("lean"), device="cpu")
    assert (network.backend, network.precision) == ("eager", "bfloat16")
    network = make_network(trained("lean"), device="cpu", precision="float32")
    assert network.precision == "float32"


@needs_winograd
@pytest.mark.parametrize(("threads", "expected"), [(1, "winograd"), (2, "eager")])
def test_auto_is_winograd_for_a_single_thread(monkeypatch, threads, expected):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr("sen2naip_sr.inference.backends.best_precision", lambda kind: "float32")
    assert make_network(build_model("lean", 4), device="cpu").backend == expected


@pytest.mark.parametrize("capability", ["AVX512", "DEFAULT"])
def test_auto_is_eager_where_winograd_was_not_found_faster(monkeypatch, capability):
    monkeypatch.setattr(backends, "best_precision", lambda kind: "float32")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    network = make_network(trained("lean"), device="cpu")
    assert (network.backend, network.precision) == ("eager", "float32")


def test_without_nnpack_auto_falls_back_and_winograd_is_refused(monkeypatch):
    monkeypatch.setattr(backends, "best_precision", lambda kind: "float32")
    monkeypatch.setattr(backends, "has_nnpack", lambda: False)
    assert make_network(trained("lean"), device="cpu").backend == "eager"
    with pytest.raises(UserError, match="use the backend auto or eager"):
        make_network(trained("lean"), device="cpu", backend="winograd")


def test_winograd_needs_float32():
    with pytest.raises(UserError, match="bfloat16"):
        make_network(trained("lean"), device="cpu", backend="winograd", precision="bfloat16")


@pytest.mark.parametrize("choice", [{"backend": "magic"}, {"precision": "int3"}])
def test_unknown_choices_are_named(choice):
    with pytest.raises(UserError, match=r"magic|int3"):
        make_network(trained("lean"), **choice)


@pytest.mark.parametrize("name", ["cuda:99", "nonsense", "xpu:77"])
def test_devices_that_are_not_there_are_named(name):
    with pytest.raises(UserError, match=f"device '{name}' is not available"):
        resolve_device(name)


def test_networks_that_see_the_whole_image_cannot_be_tiled():
    model = trained("unet", widths=[8, 8], normalisation="instance")
    network = make_network(model, device="cpu", precision="float32")
    with pytest.raises(UserError) as raised:
        _ = network.halo
    assert raised.value.code == "network-not-local"
    tiles = random_tiles(1, 4, 16, 16)
    np.testing.assert_allclose(network(tiles), plain(model, tiles), rtol=0, atol=5e-6)


def test_other_bands_are_refused():
    network = make_network(trained("lean"))
    with pytest.raises(UserError, match="built for 4 bands and got 3"):
        network(random_tiles(1, 3, 8, 8))


def test_lack_of_memory_says_what_to_do(monkeypatch):
    network = make_network(trained("lean"))

    def fail(images):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(network, "_fast", fail)
    with pytest.raises(UserError, match="smaller tiles"):
        network(random_tiles(1, 4, 8, 8))


def test_other_errors_are_not_taken_for_it(monkeypatch):
    network = make_network(trained("lean"))
    monkeypatch.setattr(network, "_fast", lambda images: torch.zeros(1, 4, 3, 3))
    with pytest.raises(RuntimeError, match="size"):
        network(random_tiles(1, 4, 8, 8))


def test_threads_are_set_and_described():
    before = torch.get_num_threads()
    try:
        network = make_network(trained("lean"), device="cpu", threads=1)
        assert torch.get_num_threads() == 1
        assert "cpu" in network.describe() and "1 threads" in network.describe()
    finally:
        torch.set_num_threads(before)


def test_speed_counts_what_the_architecture_multiplies():
    model = trained("lean")
    network = make_network(model, device="cpu")
    assert (
        multiply_adds_per_pixel(network.model, network.bands)
        == multiply_adds(model, 4, 32, 32) / 32**2
    )
    speed = measure_speed(network, side=32)
    assert 0 < speed.megapixels < 1e4
    ratio = speed.multiply_adds / speed.megapixels
    assert ratio == pytest.approx(multiply_adds(model, 4, 32, 32) / (4e-6 * 32**2))
    assert speed.share == speed.multiply_adds / speed.matrix_product


def test_the_rate_of_a_matrix_product_is_that_of_a_processor():
    assert 1e7 < matrix_product_rate(torch.device("cpu"), size=128) < 1e14
