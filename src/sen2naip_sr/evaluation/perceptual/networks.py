"""What metrics take features from, by the name that a metric of the catalogue needs."""

import importlib.util
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sen2naip_sr.evaluation.perceptual.parameters import PerceptualMetricsParameters
from sen2naip_sr.evaluation.perceptual.weights import MissingError, locate_weights, read_state
from sen2naip_sr.models.networks.lean import Lean
from sen2naip_sr.models.vgg16 import Vgg16Features, shapes
from sen2naip_sr.weights.shipped import load_shipped

Extractor = Callable[..., Any]

ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
"""Outputs, inputs and kernel of AlexNet's convolutions, by their number among its layers."""
_STRIDES, _PADDINGS = {0: 4}, {0: 2, 3: 2}
ENCODER = "lean"
"""The shipped network whose features the project's own distance takes."""


def alexnet(p: PerceptualMetricsParameters) -> Extractor:
    """Return AlexNet (Krizhevsky 2014, https://arxiv.org/abs/1404.5997) with LPIPS's heads.

    It maps (2, 3, H, W), normalised, to the maps after each of five ReLUs, and a weight for each
    of their channels.
    """
    names: dict[str, tuple[int, ...]] = {
        f"features.{n}.weight": (o, i, k, k) for n, (o, i, k) in ALEXNET.items()
    }
    names |= {f"features.{n}.bias": (outputs,) for n, (outputs, _, _) in ALEXNET.items()}
    state = read_state("AlexNet", locate_weights("AlexNet", p.alexnet), names)
    heads = _heads()

    @torch.inference_mode()
    def extract(images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        layers, maps = [], images
        for number in ALEXNET:
            if number in (3, 6):
                maps = F.max_pool2d(maps, 3, 2)
            weight, bias = (state[f"features.{number}.{part}"] for part in ("weight", "bias"))
            stride, padding = _STRIDES.get(number, 1), _PADDINGS.get(number, 1)
            maps = F.relu(F.conv2d(maps, weight, bias, stride=stride, padding=padding))
            layers.append(maps)
        return layers, heads

    return extract


def _heads() -> list[Tensor]:
    """Return LPIPS's weights of AlexNet's channels, which come with torchmetrics."""
    found = importlib.util.find_spec("torchmetrics")
    if found is None or found.origin is None:
        raise MissingError("the package torchmetrics, which holds LPIPS's heads, is not installed")
    path = Path(found.origin).parent / "functional/image/lpips_models/alex.pth"
    if not path.is_file():
        raise MissingError(f"torchmetrics has no {path.name} with LPIPS's heads")
    widths = [outputs for outputs, _, _ in ALEXNET.values()]
    names = {f"lin{n}.model.1.weight": (1, width, 1, 1) for n, width in enumerate(widths)}
    return [head.flatten() for head in read_state("LPIPS", path, names).values()]


def vgg16(p: PerceptualMetricsParameters) -> Extractor:
    """Return VGG16's 512 features after its last ReLU, averaged over each image (n, 3, h, w)."""
    _require_torchmetrics()
    wanted = {f"features.{name}": shape for name, shape in shapes(5).items()}
    state = read_state("VGG16", locate_weights("VGG16", p.vgg16), wanted)
    network = Vgg16Features({n.removeprefix("features."): t for n, t in state.items()}, 5).eval()
    return _averaged(lambda images: network(images)["relu5_3"])


def inception(p: PerceptualMetricsParameters, layer: str) -> Extractor:
    """Return Inception v3 as the authors of FID use it, through torchmetrics."""
    path = locate_weights("Inception v3", p.inception)
    _require_torchmetrics()
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        network = NoTrainInceptionV3("inception-v3-compat", [layer], str(path))
    except (ImportError, ModuleNotFoundError) as error:
        raise MissingError(
            "Inception v3 needs the packages torch-fidelity and torchvision, which cannot be "
            f"imported here: {error}"
        ) from error

    @torch.inference_mode()
    def extract(images: Tensor) -> Tensor:
        found: Tensor = network((255 * images).round().to(torch.uint8))
        return found

    return _remembering(extract)


def encoder(p: PerceptualMetricsParameters) -> Extractor:
    """Return mean and deviation of the maps that the shipped Lean makes before its last layer.

    It maps (n, 4, h, w) in [0, 1] to (n, 96), and images of other bands to None.
    """
    _require_torchmetrics()
    weights = load_shipped(ENCODER)
    if weights is None:
        raise MissingError(f"the shipped weights of {ENCODER} are missing")
    network, bands = weights.build(), weights.metadata.bands
    assert isinstance(network, Lean)
    # torch's stubs leave memory_format out; this one is faster on CPUs
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def extract(images: Tensor) -> Tensor | None:
        if images.shape[1] != bands:
            return None
        entered = network.entry((images - 0.5).contiguous(memory_format=torch.channels_last))
        maps = entered + network.body(entered)
        return torch.cat((maps.mean(dim=(2, 3)), maps.std(dim=(2, 3))), dim=1)

    return _remembering(extract)


def flip(p: PerceptualMetricsParameters) -> Extractor:
    """Return FLIP's function."""
    try:
        from flip_evaluator import evaluate  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingError("the package flip-evaluator is not installed") from error
    return evaluate


EXTRACTORS: Mapping[str, Callable[[PerceptualMetricsParameters], Extractor]] = {
    "alexnet": alexnet,
    "vgg16": vgg16,
    "inception": lambda p: inception(p, "2048"),
    "inception_logits": lambda p: inception(p, "logits_unbiased"),
    "encoder": encoder,
    "flip": flip,
}
"""What makes each, or raises `MissingError` with the reason why it cannot."""


def _require_torchmetrics() -> None:
    if importlib.util.find_spec("torchmetrics") is None:
        raise MissingError("the package torchmetrics is not installed")


def _averaged(network: Callable[[Tensor], Tensor]) -> Extractor:
    @torch.inference_mode()
    def extract(images: Tensor) -> Tensor:
        return network(images).mean(dim=(2, 3))

    return _remembering(extract)


def _remembering(extract: Callable[[Tensor], Tensor | None]) -> Extractor:
    """Return an extractor that knows its last two images: predictions change, their truth stays."""
    known: deque[tuple[Tensor, Tensor | None]] = deque(maxlen=2)

    def remembered(images: Tensor) -> Tensor | None:
        for entry in known:
            if torch.equal(entry[0], images):
                break
        else:
            entry = (images, extract(images))
        # the newest last; there is room for one prediction and the truth
        kept = [one for one in known if one is not entry]
        known.clear()
        known.extend([*kept, entry])
        return entry[1]

    return remembered
