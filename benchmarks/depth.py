"""Make a Lean of another depth out of trained weights, to train on from.

    python benchmarks/depth.py FILE.safetensors --blocks 13 --out DEEPER.safetensors
    python benchmarks/depth.py FILE.safetensors --blocks 7 --out SHORTER.safetensors --data FOLDER

Deeper: the new residual blocks stand behind the old ones, and their last convolution is zero, so
the network gives exactly what the given one gives (Chen, Goodfellow and Shlens 2016, "Net2Net",
https://arxiv.org/abs/1511.05641). Shorter: blocks go one by one, each time the one whose loss
costs the least PSNR on the validation chips of conf/naip. `kedro run --pipelines=train_lean
--params lean.start_from=FILE` goes on with the result.
"""

import argparse
import copy
from collections.abc import Callable
from pathlib import Path

import torch
from naip import stores
from torch import nn

from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import zeroed
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.weights.files import Weights, load_weights, save_weights

VALIDATED = 8


def deepen(weights: Weights, blocks: int) -> Lean:
    """Return the network of a Lean's weights with more blocks behind its own.

    Args:
        weights: Of a Lean.
        blocks: How many there shall be.

    Raises:
        UserError: If the weights are of another architecture, or have as many blocks already.
    """
    had = _blocks(weights)
    if had >= blocks:
        raise UserError(
            "blocks-invalid", f"{weights.source}: {had} blocks", f"ask for more than {had} blocks"
        )
    known = weights.metadata
    deeper = Lean(known.bands, **{**known.architecture_parameters, "blocks": blocks})
    for block in deeper.body[had:blocks]:
        zeroed(block.second)
    moved = {
        name.replace(f"body.{had}.", f"body.{blocks}."): tensor.float()
        for name, tensor in weights.state.items()
    }
    deeper.load_state_dict(deeper.state_dict() | moved)
    return deeper


def shorten(weights: Weights, blocks: int, score: Callable[[nn.Module], float]) -> nn.Module:
    """Return the network of a Lean's weights without those blocks that it misses the least.

    Args:
        weights: Of a Lean.
        blocks: How many shall be left.
        score: Says how good a network is; higher is better.

    Raises:
        UserError: If the weights are of another architecture, or have no more blocks than that.
    """
    had = _blocks(weights)
    if not 0 < blocks < had:
        raise UserError(
            "blocks-invalid", f"{weights.source}: {had} blocks", f"ask for 1 to {had - 1} blocks"
        )
    network = weights.build()
    while len(network.body) > blocks + 1:
        without = [_without(network, block) for block in range(len(network.body) - 1)]
        network = max(without, key=score)
    return network


def _blocks(weights: Weights) -> int:
    known = weights.metadata
    if known.architecture != "lean":
        raise UserError(
            "architecture-differs", f"{weights.source}: a '{known.architecture}'", "give a 'lean'"
        )
    return int(known.architecture_parameters["blocks"])


def _without(network: nn.Module, block: int) -> nn.Module:
    shorter = copy.deepcopy(network)
    del shorter.body[block]
    return shorter


def main() -> None:
    """Read the command line and write the other network's weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--blocks", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="the README's chips, to become shorter")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    weights = load_weights(arguments.file)
    if arguments.data:
        with stores(arguments.data) as (hr, lr, splits):
            chips = splits.loc[splits["split"] == VALIDATION, "chip"].to_numpy()
            validator = Validator(hr.chips, lr.chips, chips, (0, 255), VALIDATED)
            other: nn.Module = shorten(
                weights, arguments.blocks, lambda network: validator(network, torch.device("cpu"))
            )
    else:
        other = deepen(weights, arguments.blocks)
    size = weights.metadata.architecture_parameters | {"blocks": arguments.blocks}
    metadata = weights.metadata.model_copy(update={"architecture_parameters": size})
    save_weights(arguments.out, other.state_dict(), metadata)


if __name__ == "__main__":
    main()
