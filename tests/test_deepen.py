"""Behaviour of benchmarks/deepen.py: a deeper network that gives what the shallower one gave."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.shipped import load_shipped
from sen2naip_sr.training.weights import Weights


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
        import deepen

        return deepen


@pytest.fixture(scope="module")
def lean() -> Weights:
    weights = load_shipped("lean")
    assert weights
    return weights


def test_deeper_network_gives_the_same(tool: ModuleType, lean: Weights) -> None:
    image = torch.rand(1, 4, 15, 17)
    blocks = lean.metadata.architecture_parameters["blocks"]
    deeper = tool.deepen(lean, blocks + 3)
    with torch.inference_mode():
        torch.testing.assert_close(deeper(image), lean.build()(image), atol=1e-6, rtol=0)
    assert len(deeper.body) == blocks + 3 + 1


def test_new_blocks_learn(tool: ModuleType, lean: Weights) -> None:
    blocks = lean.metadata.architecture_parameters["blocks"]
    deeper = tool.deepen(lean, blocks + 1)
    deeper(torch.rand(1, 4, 15, 17)).square().mean().backward()
    assert deeper.body[blocks].second.weight.grad.abs().sum() > 0


def test_refuses_what_cannot_be_deepened(tool: ModuleType, lean: Weights) -> None:
    with pytest.raises(UserError, match="less than 3 blocks"):
        tool.deepen(lean, 3)
    carn = load_shipped("carn")
    assert carn
    with pytest.raises(UserError, match="a 'carn'"):
        tool.deepen(carn, 3)
