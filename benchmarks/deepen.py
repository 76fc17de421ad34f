"""Make a deeper Lean of trained weights: new blocks that change nothing yet, to train on from.

    python benchmarks/deepen.py FILE.safetensors --blocks 13 --out DEEPER.safetensors

The new residual blocks stand behind the old ones, and their last convolution is zero, so the deeper
network gives exactly what the given one gives (Chen, Goodfellow and Shlens 2016, "Net2Net",
https://arxiv.org/abs/1511.05641). `kedro run --pipelines=train_lean --params
lean.start_from=DEEPER.safetensors` goes on with it.
"""

import argparse
from pathlib import Path

import torch

from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import zeroed
from sen2naip_sr.models.lean import Lean
from sen2naip_sr.training.weights import Weights, load_weights, save_weights


def deepen(weights: Weights, blocks: int) -> Lean:
    """Return the network of a Lean's weights with more blocks behind its own.

    Args:
        weights: Of a Lean.
        blocks: How many there shall be.

    Raises:
        UserError: If the weights are of another architecture, or have as many blocks already.
    """
    known = weights.metadata
    had = known.architecture_parameters.get("blocks", 0)
    if known.architecture != "lean" or had >= blocks:
        raise UserError(
            f"{weights.source}: a '{known.architecture}' of {had} blocks",
            f"give a 'lean' of less than {blocks} blocks",
        )
    deeper = Lean(known.bands, **{**known.architecture_parameters, "blocks": blocks})
    for block in deeper.body[had:blocks]:
        zeroed(block.second)
    moved = {
        name.replace(f"body.{had}.", f"body.{blocks}."): tensor.float()
        for name, tensor in weights.state.items()
    }
    deeper.load_state_dict(deeper.state_dict() | moved)
    return deeper


def main() -> None:
    """Read the command line and write the deeper network's weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--blocks", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    weights = load_weights(arguments.file)
    deeper = deepen(weights, arguments.blocks)
    size = weights.metadata.architecture_parameters | {"blocks": arguments.blocks}
    metadata = weights.metadata.model_copy(update={"architecture_parameters": size})
    save_weights(arguments.out, deeper.state_dict(), metadata)


if __name__ == "__main__":
    main()
