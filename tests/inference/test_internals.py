"""Private names of other packages: in one module, and what to do when one of them goes."""

import ast
import sys
from pathlib import Path

import pytest
import torch

import sen2naip_sr
from sen2naip_sr.inference import internals

SOURCE = Path(sen2naip_sr.__file__).parent


def foreign(name):
    top = name.partition(".")[0]
    return top != "sen2naip_sr" and top not in sys.stdlib_module_names


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def private_names(tree):
    """Yield the private names of packages other than this one that a module uses."""
    packages = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in filter(lambda alias: foreign(alias.name), node.names):
                packages.add((alias.asname or alias.name).partition(".")[0])
                yield from [alias.name] if any(map(is_private, alias.name.split("."))) else []
        elif isinstance(node, ast.ImportFrom) and foreign(node.module):
            names = [alias.name for alias in node.names]
            packages.update(names)
            if any(map(is_private, [*node.module.split("."), *names])):
                yield f"{node.module}: {names}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            root = ast.unparse(node.value).partition(".")[0]
            if root in packages:
                yield ast.unparse(node)


def test_two_modules_use_private_names_of_other_packages():
    used = {
        str(path.relative_to(SOURCE)): sorted(private_names(ast.parse(path.read_text())))
        for path in SOURCE.rglob("*.py")
    }
    assert {path: names for path, names in used.items() if names}.keys() == {
        "inference/internals.py",
        "raster/access/faults.py",  # GDAL's errors have no public name
    }


@pytest.mark.parametrize(
    ("owner", "name", "remedy"),
    [
        (torch, "_nnpack_available", "drop the backend 'winograd', or look for its new name"),
        (
            torch, "_nnpack_spatial_convolution",
            "drop the backend 'winograd': 'eager' takes its place",
        ),
        (
            torch.cpu, "_is_avx512_bf16_supported",
            "find how this torch tells that a CPU multiplies in bfloat16; until then it predicts "
            "in float32",
        ),
        (torch.cpu, "_is_amx_tile_supported", "as _is_avx512_bf16_supported"),
    ],
)  # fmt: skip
def test_torch_still_has(owner, name, remedy):
    assert hasattr(owner, name), f"torch has no {name} any more: {remedy}"


def test_torch_still_lets_backward_buffers_be_kept():
    from torch._functorch import config

    told = "find what keeps buffers for a second backward pass, or do not compile 'gradient_norm'"
    assert hasattr(config, "donated_buffer"), f"torch has no donated_buffer any more: {told}"
    with config.patch(donated_buffer=True):
        internals.keep_backward_buffers()
        assert config.donated_buffer is False


def test_without_nnpack_there_is_none(monkeypatch):
    monkeypatch.delattr(torch, "_nnpack_spatial_convolution")
    assert not internals.has_nnpack()


def test_without_bfloat16_names_the_processor_has_none(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert not internals.cpu_multiplies_bfloat16()
