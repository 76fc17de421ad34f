"""What is wrong with a foreign network is named, with what to do about it."""

import importlib.util
import os

import numpy as np
import pytest
from made_onnx import write_onnx, write_yaml

import sen2naip_sr as sr
from sen2naip_sr.errors import UserError
from sen2naip_sr.inference.foreign.network import OnnxNetwork
from sen2naip_sr.weights.foreign.finding import find_foreign

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime", "yaml")),
    reason="needs the extra onnx",
)


def refused(path, code, *words, **options):
    """Check that a network is refused with a code, and that the message holds some words."""
    with pytest.raises(UserError) as error:
        sr.load_model(path, device="cpu", **options)
    assert error.value.code == code, error.value
    for word in words:
        assert word in str(error.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


def test_without_a_description_the_yaml_to_write_is_shown(path):
    write_onnx(path)
    lines = ("write net.yaml beside it", "bands: ", "factor: ", "margin: ", "values: ", "range: ")
    refused(path, "onnx-description-missing", "bands, factor, margin, values, range", *lines)


def test_what_is_missing_is_named_and_what_is_known_is_filled_in(path):
    write_onnx(path, told={"margin": None, "bands": 4})
    refused(path, "onnx-description-missing", "says the margin of", "bands: 4", "range: [0, 1]")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"margn": 3}, ["unknown parameter 'margn'", "did you mean 'margin'"]),
        ({"factor": 2.5}, ["factor"]),
        ({"factor": 1}, ["factor"]),
        ({"margin": -1}, ["margin"]),
        ({"values": "reflectances"}, ["values"]),
        ({"range": [1, 0]}, ["[1.0, 0.0] is no range"]),
        ({"range": [0, float("nan")]}, ["no range"]),
        ({"bands": ["red", "red"]}, ["names none, or one twice"]),
        ({"std": [1, 0, 1, 1]}, ["above 0"]),
        ({"mean": [1, 2]}, ["2 numbers, and there are 4 bands"]),
        ({"model": "other.onnx"}, ["the model 'other.onnx', not net.onnx"]),
    ],
)
def test_a_description_that_is_not_valid_is_refused(path, told, words):
    write_onnx(path, told=told)
    refused(path, "onnx-description-invalid", *words)


@pytest.mark.parametrize(
    "text",
    [
        "- bands\n- factor\n",
        "just text",
        "bands: [4\n",
        "bands: !!python/object/apply:os.system ['true']\n",
        "\x00\x01",
        "a: " + "x" * 70_000,
        "[" * 1_500,
    ],
)
def test_a_file_that_is_no_description_is_refused(path, text):
    write_onnx(path)
    path.with_suffix(".yaml").write_text(text)
    refused(path, "onnx-description-invalid", "net.yaml")


def test_aliases_that_multiply_are_refused_at_once(path):
    write_onnx(path)
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    path.with_suffix(".yaml").write_text("\n".join(["l0: &l0 [a, a]", *levels, "bands: *l11"]))
    refused(path, "onnx-description-invalid", "neither a value nor a short list")


def test_two_descriptions_are_refused(path):
    write_onnx(path, told={})
    write_yaml(path.with_suffix(".yml"))
    refused(path, "onnx-description-invalid", "net.yaml and net.yml")


@pytest.mark.parametrize("name", ["../net.onnx", "/net.onnx", "a/net.onnx", 3, ["net.onnx"]])
def test_a_description_names_a_file_beside_it_only(tmp_path, name):
    told = write_yaml(tmp_path / "net.yaml", model=name)
    refused(told, "onnx-description-invalid", "not the name of a file beside it")


OURS = {"bands": 4, "scale": 4, "receptive_field": 2, "multiple": 1, "sen2naip_sr": "1"}


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"bands": 3}, "bands 3"),
        ({"factor": 2}, "factor 2"),
        ({"range": [0, 255]}, "range [0, 255]"),
        ({"margin": 1}, "margin 1"),
        ({"values": "digital_numbers"}, "values digital_numbers"),
    ],
)
def test_a_description_that_contradicts_the_file_is_refused(path, told, name):
    write_onnx(path, properties=OURS, told=told)
    refused(path, "onnx-description-contradicts", f"net.yaml says {name}", "the properties in")


def test_a_wider_margin_and_names_of_bands_are_no_contradiction(path):
    write_onnx(path, properties=OURS, told={"margin": 5, "bands": ["a", "b", "c", "d"]})
    assert sr.load_model(path, device="cpu")


@pytest.mark.parametrize(("reach", "told"), [(3, 0), (3, 2), (5, 1)])
def test_a_margin_that_is_too_narrow_is_named_with_the_one_that_would_do(path, reach, told):
    write_onnx(path, reach=reach, told={"margin": told})
    refused(path, "onnx-margin-wrong", f"margin of {told} pixels", f"describe the margin {reach}")


def test_a_network_that_sees_the_whole_image_is_refused(path):
    def centre(model):
        from onnx import helper

        result = model.graph.node[-1]
        result.output[0] = "before"
        model.graph.node.append(
            helper.make_node("InstanceNormalization", ["before", "one", "zero"], ["result"])
        )
        for name, value in (("one", 1.0), ("zero", 0.0)):
            model.graph.initializer.append(helper.make_tensor(name, 1, [4], [value] * 4))

    write_onnx(path, change=centre, told={})
    refused(path, "onnx-margin-wrong", "no margin up to", "all of the image")


def test_a_network_with_a_grid_needs_its_multiple(path):
    def blocks(model):
        """Add the mean of blocks of 8 x 8 pixels of the result, which are 2 x 2 of the scene."""
        from onnx import helper

        model.graph.node[-1].output[0] = "before"
        kernel = {"kernel_shape": [8, 8], "strides": [8, 8]}
        model.graph.node.extend(
            [
                helper.make_node("AveragePool", ["before"], ["means"], **kernel),
                helper.make_node("Resize", ["means", "", "scales"], ["wide"], mode="nearest"),
                helper.make_node("Add", ["before", "wide"], ["result"]),
            ]
        )
        scales = helper.make_tensor("scales", 1, [4], [1.0, 1.0, 8.0, 8.0])
        model.graph.initializer.append(scales)

    write_onnx(path, change=blocks, told={"multiple": 2, "margin": 4})
    image = np.random.default_rng(0).random((4, 30, 44), np.float32)
    model = sr.load_model(path, device="cpu")
    one = model.upscale(image, tile=16, value_range=(0, 1)).values
    two = model.upscale(image, tile=22, value_range=(0, 1)).values
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)
    # without it, the network fails with odd sizes or gives another result for another beginning
    write_yaml(path.with_suffix(".yaml"), margin=4)
    with pytest.raises(UserError, match="multiple"):
        sr.load_model(path, device="cpu")


def custom_operator(model):
    from onnx import helper

    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    model.graph.node[0].domain = "evil.example"


def custom_operator_inside(model):
    from onnx import helper

    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    odd = helper.make_node("Odd", ["result0"], ["inner"], domain="evil.example")
    body = helper.make_graph([odd], "body", [], [helper.make_tensor_value_info("inner", 1, None)])
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("y", 9, [], [True]))
    branch = helper.make_node("If", ["yes"], ["unused"], then_branch=body, else_branch=body)
    model.graph.node.extend([yes, branch])


@pytest.mark.parametrize("change", [custom_operator, custom_operator_inside])
def test_custom_operators_are_refused(path, change):
    write_onnx(path, told={}, change=change)
    refused(path, "onnx-custom-operator", "evil.example.", "standard operators")


def external(location):
    """Return a change that keeps the first kernel in another file."""

    def change(model):
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = tensor.EXTERNAL
        if location is not None:
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", location

    return change


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret.bin", "a/../../secret.bin", "link.bin", "", None]
)
def test_weights_outside_of_the_folder_are_not_opened(tmp_path, location):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    os.symlink(tmp_path / "secret.bin", folder / "link.bin")
    write_onnx(folder / "net.onnx", told={}, change=external(location))
    refused(folder / "net.onnx", "onnx-external-data", "outside of its folder", "kernel0")


def test_weights_beside_the_model_are_read_and_count(tmp_path):
    import onnx

    path = write_onnx(tmp_path / "net.onnx", told={})
    whole = sr.load_model(path, device="cpu")
    image = np.random.default_rng(0).random((4, 20, 20), np.float32)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="net.data", size_threshold=0)
    apart = sr.load_model(path, device="cpu")
    np.testing.assert_array_equal(apart.upscale(image).values, whole.upscale(image).values)
    data = bytearray((tmp_path / "net.data").read_bytes())
    data[0] ^= 1
    (tmp_path / "net.data").write_bytes(data)
    assert sr.load_model(path, device="cpu").label != apart.label
    (tmp_path / "net.data").unlink()
    refused(path, "onnx-external-data", "not beside it")


@pytest.mark.parametrize("content", [b"", b"no network", bytes(500), b"\x08\x09"])
def test_a_file_that_is_no_network_is_refused(path, content):
    path.write_bytes(content)
    refused(path, "weights-damaged", "net.onnx")


def test_damaged_networks_are_refused_or_run(path):
    write_onnx(path, told={})
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(25):
        damaged = bytearray(whole[: random.integers(len(whole) // 2, len(whole))])
        damaged[random.integers(len(damaged))] ^= 255
        path.write_bytes(bytes(damaged))
        try:
            sr.load_model(path, device="cpu")
        except UserError as error:
            assert error.problem and error.remedy


def test_a_missing_file_is_named(path):
    refused(path, "weights-missing", "net.onnx")


@pytest.mark.parametrize(
    ("made", "told", "code", "words"),
    [
        ({"bands": 3}, {}, "onnx-unfit", ["3 bands, and 4 are described"]),
        ({}, {"bands": 3}, "onnx-unfit", ["4 bands, and 3 are described"]),
        ({"factor": 2}, {}, "onnx-factor-differs", ["factor 4", "describe the factor 2"]),
        ({"factor": 2, "fixed": (64, 64)}, {}, "onnx-factor-differs", ["describe the factor 2"]),
        ({"shuffled": False}, {}, "onnx-factor-differs", ["64 x", "factor 4"]),
        ({}, {"output": "sr"}, "onnx-unfit", ["no output 'sr', only result"]),
        ({}, {"input": "lr"}, "onnx-unfit", ["no input 'lr', only image"]),
    ],
)
def test_other_sizes_than_described_are_refused(path, made, told, code, words):
    write_onnx(path, **made, told=told)
    refused(path, code, *words)


def second_input(model):
    from onnx import helper

    model.graph.input.append(helper.make_tensor_value_info("more", 1, [1]))


def bytes_in(model):
    model.graph.input[0].type.tensor_type.elem_type = 2


def three_axes(model):
    del model.graph.input[0].type.tensor_type.shape.dim[0]


def two_images(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def second_output(model):
    from onnx import helper

    model.graph.output.append(helper.make_tensor_value_info("map0", 1, None))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (second_input, ["2 inputs (image, more)"]),
        (bytes_in, ["'image' holds no floats"]),
        (three_axes, ["3 axes instead of 4"]),
        (two_images, ["2 images at once"]),
        (second_output, ["2 outputs (result, map0)", "write 'output: NAME'"]),
    ],
)
def test_inputs_and_outputs_that_are_no_image_are_refused(path, change, words):
    write_onnx(path, change=change, told={"input": "image"} if change is second_input else {})
    refused(path, "onnx-unfit", *words)


def test_the_only_size_of_images_is_the_size_of_tiles(tmp_path):
    dynamic = write_onnx(tmp_path / "dynamic.onnx", told={})
    fixed = write_onnx(tmp_path / "fixed.onnx", fixed=(40, 56), told={})
    image = np.random.default_rng(0).random((4, 50, 90), np.float32)
    expected = sr.load_model(dynamic, device="cpu").upscale(image, value_range=(0, 1)).values
    model = sr.load_model(fixed, device="cpu")
    for options in ({}, {"tile": 20}, {"ensemble": True}):
        result = model.upscale(image, value_range=(0, 1), **options).values
        if not options.get("ensemble"):
            np.testing.assert_allclose(result, expected, rtol=0, atol=2e-6)
    with pytest.raises(UserError, match=r"tiles of at most 36 pixels"):
        model.upscale(image, tile=48)


@pytest.mark.parametrize(("tile", "expected"), [(None, 36), (20, 20)])
def test_a_described_tile_is_taken_if_it_fits(path, tile, expected):
    write_onnx(path, fixed=(40, 56), told={"tile": tile})
    assert OnnxNetwork(find_foreign(path), device="cpu").tile == expected
    write_yaml(path.with_suffix(".yaml"), tile=37)
    refused(path, "onnx-size-fixed", "leaves 36 of them, and not a tile of 37")


def test_a_fixed_size_within_the_margin_is_refused(path):
    write_onnx(path, fixed=(24, 24), told={"margin": 12})
    refused(path, "onnx-size-fixed", "24 pixels only", "leaves no tile", "dynamic axes")


def test_sizes_that_are_fixed_inside_of_the_network_are_named(path):
    def reshape(model):
        from onnx import helper

        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(helper.make_node("Reshape", ["before", "shape"], ["result"]))
        model.graph.initializer.append(helper.make_tensor("shape", 7, [4], [1, 4, 256, 256]))

    write_onnx(path, change=reshape, told={})
    refused(path, "onnx-failed", "fails with an image of", "dynamic axes")


def test_values_that_are_not_finite_are_named(path):
    def root(model):
        from onnx import helper

        model.graph.node[-1].output[0] = "before"
        minus = helper.make_node("Neg", ["before"], ["negative"])
        model.graph.node.extend([minus, helper.make_node("Sqrt", ["negative"], ["result"])])

    write_onnx(path, change=root, told={})
    refused(path, "onnx-failed", "not finite for an ordinary image")
