import pytest
import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.release import depth
from sen2naip_sr.weights.files import Weights
from sen2naip_sr.weights.shipped import load_shipped


@pytest.fixture(scope="module")
def lean() -> Weights:
    weights = load_shipped("lean")
    assert weights
    return weights


def test_deeper_network_gives_the_same(lean: Weights) -> None:
    image = torch.rand(1, 4, 15, 17)
    blocks = lean.metadata.architecture_parameters["blocks"]
    deeper = depth.deepen(lean, blocks + 3)
    with torch.inference_mode():
        torch.testing.assert_close(deeper(image), lean.build()(image), atol=1e-6, rtol=0)
    assert len(deeper.body) == blocks + 3 + 1


def test_new_blocks_learn(lean: Weights) -> None:
    blocks = lean.metadata.architecture_parameters["blocks"]
    deeper = depth.deepen(lean, blocks + 1)
    deeper(torch.rand(1, 4, 15, 17)).square().mean().backward()
    assert deeper.body[blocks].second.weight.grad.abs().sum() > 0


def test_shorter_network_loses_the_blocks_that_do_nothing(lean: Weights) -> None:
    blocks = lean.metadata.architecture_parameters["blocks"]
    deeper = depth.deepen(lean, blocks + 2)
    metadata = lean.metadata.model_copy(
        update={"architecture_parameters": {"channels": 48, "blocks": blocks + 2}}
    )
    weights = Weights(metadata, deeper.state_dict(), "here")
    image = torch.rand(1, 4, 15, 17)
    expected = deeper(image).detach()

    def likeness(network: torch.nn.Module) -> float:
        return -float((network(image).detach() - expected).abs().max())

    shorter = depth.shorten(weights, blocks, likeness)
    assert len(shorter.body) == blocks + 1
    assert likeness(shorter) > -1e-6


def test_refuses_other_depths_and_networks(lean: Weights) -> None:
    with pytest.raises(UserError, match="more than"):
        depth.deepen(lean, 3)
    with pytest.raises(UserError, match="ask for 1 to"):
        depth.shorten(lean, 0, lambda network: 0.0)
    carn = load_shipped("carn")
    assert carn
    with pytest.raises(UserError, match="a 'carn'"):
        depth.deepen(carn, 3)
