"""What every model of the registry promises."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.registry import MODELS, build_model
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights

CASCADING = {"channels": 6, "blocks": 1, "units": 2}
SMALL = {
    "carn": [CASCADING],
    "carn_m": [CASCADING | {"groups": 2}],
    "unet": [
        {"widths": [5, 6, 7]},
        {"widths": [4, 4, 5, 6], "convolutions": 1, "upsampling": "resize"},
        {"widths": [6]},
        {"widths": [4, 6, 8], "normalisation": "batch"},
        {"widths": [4, 6, 8], "normalisation": "group"},
        {"widths": [4, 6, 8], "normalisation": "instance"},
    ],
    "lean": [{"channels": 6, "blocks": 2}],
    "gan": [{"generator": "unet", "generator_parameters": {"widths": [4, 5]}}],
}
"""Small sizes of the networks that have them; the others are tested at their default size."""

CASES = [(name, size) for name in MODELS for size in SMALL.get(name, [{}])]
every_model = pytest.mark.parametrize(("name", "size"), CASES)
every_network = pytest.mark.parametrize(
    ("name", "size"), [case for case in CASES if MODELS[case[0]].trainable]
)
every_bounded_model = pytest.mark.parametrize(
    ("name", "size"),
    [case for case in CASES if build_model(case[0], 1, **case[1]).receptive_field is not None],
)


def build(name, size, bands):
    torch.manual_seed(0)
    return build_model(name, bands, **size)


def trained(name, size, bands):
    """A network in eval mode whose weights are none that it starts with."""
    model = build(name, size, bands).eval()
    with torch.no_grad():
        for values in model.state_dict().values():
            if values.is_floating_point():
                values.add_(torch.randn_like(values), alpha=0.05)
    return model


@every_model
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 7, 5), (1, 4, 16, 16), (1, 10, 3, 9)])
def test_output_is_twice_as_high_and_wide(name, size, shape):
    batch, bands, height, width = shape
    output = build(name, size, bands)(torch.rand(shape))
    assert output.shape == (batch, bands, 2 * height, 2 * width)
    assert output.dtype == torch.float32


@every_network
@pytest.mark.parametrize("bands", [1, 4, 10])
def test_untrained_network_is_exactly_bicubic(name, size, bands):
    image = torch.rand(2, bands, 9, 12)
    expected = F.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert torch.equal(build(name, size, bands)(image), expected)


@every_network
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_untrained_network_is_exactly_bicubic_in_mixed_precision(name, size, dtype):
    image = torch.rand(2, 3, 5, 6)
    with torch.autocast("cpu", dtype):
        output = build(name, size, 3)(image)
    assert torch.equal(output, build_model("bicubic", 3)(image))


@every_network
def test_gradients_reach_every_parameter(name, size):
    model = trained(name, size, 3).train()
    model(torch.rand(2, 3, 8, 8)).square().mean().backward()
    unreached = [
        n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0
    ]
    assert unreached == []


@every_model
def test_no_parameters_without_training(name, size):
    assert any(True for _ in build(name, size, 3).parameters()) == MODELS[name].trainable


@every_network
def test_weights_file_round_trip(name, size, tmp_path: Path):
    model, image = trained(name, size, 4), torch.rand(1, 4, 6, 6)
    metadata = WeightsMetadata(
        architecture=name,
        architecture_parameters=size,
        bands=4,
        recipe="bicubic_antialiased@1",
        value_range=(0, 255),
        dtype="uint8",
        data_hash="",
        split_hash="",
        train_places=[],
        validation_psnr=30,
        step=1,
        training={},
        version="0",
        synthetic=True,
    )
    save_weights(tmp_path / "weights.safetensors", model.state_dict(), metadata)
    other = load_weights(tmp_path / "weights.safetensors").build()
    assert not torch.equal(build(name, size, 4).eval()(image), model(image))
    assert torch.equal(other(image), model(image))


@every_model
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_float32(name, size, dtype):
    model = trained(name, size, 4)
    image = torch.rand(1, 4, 8, 8).to(dtype)
    expected = model(image.float())
    output = copy.deepcopy(model).to(dtype)(image)
    assert output.dtype == dtype
    assert (output.float() - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.trainable])
def test_compiles_without_graph_breaks(name):
    torch.compiler.reset()
    size = SMALL.get(name, [{}])[0]
    model, image = trained(name, size, 2), torch.rand(1, 2, 5, 7)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), model(image))


@every_network
def test_other_bands_are_refused(name, size):
    with pytest.raises(UserError, match="built for 4 bands and got 3"):
        build(name, size, 4)(torch.rand(1, 3, 8, 8))


@every_bounded_model
def test_receptive_field_is_what_gradients_reach(name, size):
    model = build(name, size, 2).double().eval()
    make_every_path_count(model)
    reached = max(reach(model, phase) for phase in range(model.multiple))
    assert reached == model.receptive_field


@every_bounded_model
def test_aligned_tiles_give_exactly_the_whole_image(name, size):
    model = trained(name, size, 2).double()
    multiple = model.multiple
    halo = math.ceil(model.receptive_field / multiple) * multiple
    side = 3 * multiple
    image = torch.rand(1, 2, 2 * halo + 2 * side + 1, side + 2, dtype=torch.float64)
    tiled = tiled_prediction(model, image, side, halo)
    torch.testing.assert_close(tiled, model(image), rtol=1e-10, atol=1e-10)


def tiled_prediction(model, image, side, halo):
    rows, columns = image.shape[-2:]
    result = torch.zeros(1, image.shape[1], 2 * rows, 2 * columns, dtype=image.dtype)
    for top in range(0, rows, side):
        for left in range(0, columns, side):
            first_row, first_column = max(0, top - halo), max(0, left - halo)
            output = model(
                image[..., first_row : top + side + halo, first_column : left + side + halo]
            )
            inside = output[..., 2 * (top - first_row) :, 2 * (left - first_column) :]
            inside = inside[..., : 2 * side, : 2 * side]
            here = (..., slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side)))
            result[here] = inside
    return result


def reach(model, phase):
    """Pixels to the farthest one that an inner pixel at this phase of the tiling depends on."""
    margin = math.ceil((model.receptive_field + 2) / model.multiple) * model.multiple
    pixel, side = margin + phase, 2 * margin + model.multiple
    image = (0.6 + 0.4 * torch.rand(1, 2, side, side, dtype=torch.float64)).requires_grad_()
    output = model(image)
    output[..., 2 * pixel : 2 * pixel + 2, 2 * pixel : 2 * pixel + 2].square().sum().backward()
    reached = np.argwhere(image.grad.abs().sum(dim=(0, 1)).numpy() > 0)
    return np.abs(reached - pixel).max()


def make_every_path_count(model):
    """Positive weights keep every ReLU open, so that no path is hidden from the gradients."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(0.01 + 0.1 * torch.rand_like(weights))
