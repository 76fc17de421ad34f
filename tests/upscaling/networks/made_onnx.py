"""Small networks as ONNX files, made of ONNX's own operators, and what they compute."""

import json

import numpy as np
import torch
from torch.nn import functional as F

FLOAT = 1


def weights_of(bands, factor, reach, seed=0):
    """Return 3 x 3 kernels: near the identity, the last one with the sub-pixels of the result."""
    random = np.random.default_rng(seed)
    kernels = []
    for step in range(reach):
        copies = factor**2 if step == reach - 1 else 1
        kernel = random.normal(0, 0.05, (bands * copies, bands, 3, 3))
        kernel[np.arange(bands * copies), np.arange(bands * copies) // copies, 1, 1] += 1
        kernels.append(kernel.astype(np.float32))
    return kernels


def write_onnx(
    path,
    *,
    bands=4,
    factor=4,
    reach=2,
    fixed=None,
    properties=None,
    shuffled=True,
    change=None,
    told=None,
):
    """Write a network that looks ``reach`` pixels around, and perhaps the YAML beside it."""
    from onnx import helper, numpy_helper, save

    kernels = weights_of(bands, factor, reach)
    nodes, last = [], "image"
    for step in range(reach):
        name = f"map{step}"
        nodes.append(helper.make_node("Conv", [last, f"kernel{step}"], [name], pads=[1, 1, 1, 1]))
        last = name
    end = "DepthToSpace" if shuffled else "Identity"
    more = {"blocksize": factor, "mode": "CRD"} if shuffled else {}
    nodes.append(helper.make_node(end, [last], ["result"], **more))
    height, width = fixed or ("rows", "columns")
    made = [None if isinstance(side, str) else side * factor for side in (height, width)]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", FLOAT, [1, bands, height, width])],
        [helper.make_tensor_value_info("result", FLOAT, [1, None, *made])],
        [numpy_helper.from_array(kernel, f"kernel{n}") for n, kernel in enumerate(kernels)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if properties:
        helper.set_model_props(model, {n: json.dumps(v) for n, v in properties.items()})
    if change:
        change(model)
    save(model, path)
    if told is not None:
        write_yaml(path.with_suffix(".yaml"), **told)
    return path


def write_yaml(path, **told):
    """Write a description: all that is needed, with changes; None leaves an entry out."""
    known = {"bands": 4, "factor": 4, "margin": 2, "values": "scaled", "range": [0, 1]}
    entries = {name: value for name, value in (known | told).items() if value is not None}
    path.write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in entries.items()))
    return path


def computed(images, *, bands=4, factor=4, reach=2):
    """Return what the network gives for (B, bands, h, w), by torch."""
    maps = torch.from_numpy(np.ascontiguousarray(images))
    for kernel in weights_of(bands, factor, reach):
        maps = F.conv2d(maps, torch.from_numpy(kernel), padding=1)
    return F.pixel_shuffle(maps, factor).numpy()


def in_one_piece(image, *, factor=4, reach=2, margin=2):
    """Return what the network gives for a whole (bands, h, w) that is reflected at its edges."""
    padded = np.pad(image, ((0, 0), (margin, margin), (margin, margin)), "reflect")
    made = computed(padded[np.newaxis], bands=len(image), factor=factor, reach=reach)[0]
    cut = factor * margin
    return made[:, cut:-cut, cut:-cut]
