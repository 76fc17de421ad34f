"""What a network is made of, found by computing a small image with it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from sen2naip_sr.models.cost import count_parameters

TIMES = "\N{MULTIPLICATION SIGN}"
SIDE = 32
"""Side of the image that is computed; sizes are told relative to it."""


@dataclass(frozen=True)
class Stage:
    """A part of a network, or several equal ones in a row.

    Attributes:
        name: Its name in the network.
        kind: What it is, in words.
        channels: Feature maps that it returns.
        scale: Height of its output over that of the network's input.
        parameters: Parameters of one of them.
        count: How many there are in a row.
        reads: Whose outputs it reads: numbers of stages from 1, and 0 for the image.
    """

    name: str
    kind: str
    channels: int
    scale: Fraction
    parameters: int
    count: int = 1
    reads: tuple[int, ...] = ()

    @property
    def shape(self) -> str:
        """The output's shape, such as 64 maps of twice the height and width."""
        if self.scale >= 1:
            times = "" if self.scale == 1 else str(self.scale)
            return f"{self.channels} {TIMES} {times}h {TIMES} {times}w"
        part = f"/{1 / self.scale}"
        return f"{self.channels} {TIMES} h{part} {TIMES} w{part}"


def stages_of(model: nn.Module, bands: int) -> list[Stage]:
    """Return the parts of a network in the order in which they are computed.

    On the device ``meta`` nothing is really computed.
    """
    names = {module: name for name, module in model.named_modules()}
    image = torch.zeros(1, bands, SIDE, SIDE, device=next(model.parameters()).device)
    image.requires_grad_()  # what a stage reads is found in the graph of gradients
    found: list[Stage] = []
    made_by: dict[object, int] = {}

    def record(module: nn.Module, inputs: tuple[object, ...], output: Tensor) -> None:
        scale = Fraction(output.shape[-2], SIDE)
        reads = {number for one in inputs for number in _makers(one, made_by)}
        kind, count = describe(module), count_parameters(module)
        name, maps = names[module], output.shape[1]
        found.append(Stage(name, kind, maps, scale, count, reads=tuple(sorted(reads))))
        made_by[output.grad_fn] = len(found)

    handles = [part.register_forward_hook(record) for part in _parts(model, inside=False)]
    try:
        with torch.enable_grad():
            model.eval()(image)
    finally:
        for handle in handles:
            handle.remove()
    return _in_a_row(found)


def _makers(tensor: object, made_by: Mapping[object, int]) -> Iterator[int]:
    """Yield the numbers of the stages whose outputs a tensor was computed from without others."""
    if not isinstance(tensor, Tensor):
        return
    if tensor.grad_fn is None:
        yield from (0,) * tensor.requires_grad
        return
    ahead: list[Any] = [tensor.grad_fn]
    seen = set()
    while ahead:
        node = ahead.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in made_by:
            yield made_by[node]
        elif isinstance(getattr(node, "variable", None), nn.Parameter):
            continue
        elif hasattr(node, "variable"):
            yield 0
        else:
            ahead += [above for above, _ in node.next_functions if above is not None]


def _parts(module: nn.Module, inside: bool) -> Iterator[nn.Module]:
    """Yield the modules that one box stands for: containers are opened, blocks are not."""
    for child in module.children():
        grandchildren = list(child.children())
        lists = bool(grandchildren) and all(isinstance(one, nn.ModuleList) for one in grandchildren)
        nested = isinstance(child, nn.Sequential) and any(
            list(one.children()) for one in grandchildren
        )
        if isinstance(child, nn.ModuleList) or nested or (lists and not inside):
            yield from _parts(child, inside=True)
        elif sum(1 for _ in child.parameters()):
            yield child


def _in_a_row(stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages with equal ones in a row as one."""
    found: list[Stage] = []
    numbers = [0]
    for stage in stages:
        last = found[-1] if found else None
        if last and replace(stage, name=last.name, count=last.count, reads=last.reads) == last:
            found[-1] = replace(last, count=last.count + 1)
        else:
            found.append(replace(stage, reads=tuple(sorted({numbers[n] for n in stage.reads}))))
        numbers.append(len(found))
    return found


def describe(module: nn.Module) -> str:
    """Return what a module is: a convolution with its kernel, or a block and what it holds."""
    if isinstance(module, nn.Conv2d):
        return f"convolution {_kernel(module)}"
    leaves = [leaf for leaf in module.modules() if not list(leaf.children())]
    inner = Counter(_short(leaf) for leaf in leaves if not isinstance(leaf, nn.Identity))
    text = ", ".join(f"{count} {name}" if count > 1 else name for name, count in inner.items())
    title = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(module).__name__.strip("_")).lower()
    return text if isinstance(module, nn.Sequential) else f"{title}: {text}"


def _short(leaf: nn.Module) -> str:
    if isinstance(leaf, nn.Conv2d):
        return f"conv {_kernel(leaf)}" + (f" in {leaf.groups} groups" if leaf.groups > 1 else "")
    return type(leaf).__name__


def _kernel(layer: nn.Conv2d) -> str:
    return TIMES.join(map(str, layer.kernel_size))
