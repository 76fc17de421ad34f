"""Change the depth of a trained Lean, as a start for further training.

    python -m sen2naip_sr.release.depth FILE --blocks 13 --out DEEPER.safetensors
    python -m sen2naip_sr.release.depth FILE --blocks 7 --out SHORTER.safetensors --data FOLDER

Deeper: new residual blocks follow the old ones. Their last convolution is zero, so the result
computes what the given network computes (Chen, Goodfellow and Shlens 2016, "Net2Net",
https://arxiv.org/abs/1511.05641). Shorter: blocks are removed one at a time, each time the one
whose removal costs the least PSNR on the validation chips of conf/naip. Further training starts
from the result by the parameter `start_from`.
"""

import argparse
import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import nn

from sen2naip_sr.chips.splits import VALIDATION
from sen2naip_sr.errors import UserError
from sen2naip_sr.models.blocks import zeroed
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.release.benchmark import make_chips
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.weights.files import Weights, load_weights, save_weights

VALIDATED = 8
"""Validation chips that score a network."""


def deepen(weights: Weights, blocks: int) -> Lean:
    """Return a Lean with more blocks that computes the same.

    Args:
        weights: Weights of a Lean.
        blocks: The number of blocks of the result.

    Raises:
        UserError: If the weights are of another architecture, or already have as many blocks.
    """
    had = _blocks(weights)
    if had >= blocks:
        raise UserError(
            "blocks-invalid", f"{weights.source}: {had} blocks", f"ask for more than {had} blocks"
        )
    known = weights.metadata
    parameters = {**known.architecture_parameters, "blocks": blocks}
    deeper = cast(Lean, build_model("lean", known.bands, **parameters))
    for block in list(_body(deeper))[had:blocks]:
        zeroed(cast(nn.Conv2d, block.second))
    moved = {
        name.replace(f"body.{had}.", f"body.{blocks}."): tensor.float()
        for name, tensor in weights.state.items()
    }
    deeper.load_state_dict(deeper.state_dict() | moved)
    return deeper


def shorten(weights: Weights, blocks: int, score: Callable[[nn.Module], float]) -> nn.Module:
    """Return a Lean without the blocks that contribute the least.

    Args:
        weights: Weights of a Lean.
        blocks: The number of blocks that remain.
        score: The quality of a network; higher is better.

    Raises:
        UserError: If the weights are of another architecture, or have no more blocks than that.
    """
    had = _blocks(weights)
    if not 0 < blocks < had:
        raise UserError(
            "blocks-invalid", f"{weights.source}: {had} blocks", f"ask for 1 to {had - 1} blocks"
        )
    network = weights.build()
    while len(_body(network)) > blocks + 1:
        without = [_without(network, block) for block in range(len(_body(network)) - 1)]
        network = max(without, key=score)
    return network


def _blocks(weights: Weights) -> int:
    known = weights.metadata
    if known.architecture != "lean":
        raise UserError(
            "architecture-differs", f"{weights.source}: a '{known.architecture}'", "give a 'lean'"
        )
    if weights.conditioned:
        raise UserError(
            "conditions-fixed",
            f"{weights.source}: each block is scaled by the conditions that it was trained with",
            "give weights without conditions",
        )
    return int(known.architecture_parameters["blocks"])


def _without(network: nn.Module, block: int) -> nn.Module:
    shorter = copy.deepcopy(network)
    del _body(shorter)[block]
    return shorter


def _body(network: nn.Module) -> nn.Sequential:
    """Return the residual blocks of a Lean, and the convolution that follows them."""
    body = network.body
    assert isinstance(body, nn.Sequential)
    return body


def main() -> None:
    """Write the weights of the deeper or shorter network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--blocks", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="GeoTIFFs, one folder per place; to shorten")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    weights = load_weights(arguments.file)
    if arguments.data:
        with tempfile.TemporaryDirectory() as scratch:
            made = make_chips(arguments.data, Path(scratch))
            chips = made.splits.loc[made.splits["split"] == VALIDATION, "chip"].to_numpy()
            validator = Validator(made.hr.chips, made.lr.chips, chips, (0, 255), VALIDATED)
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
