"""Captum's attributions of the same target, to hold local attribution maps against.

Kokhlikyan et al. 2020, "Captum: A unified and generic model interpretability library for PyTorch",
https://arxiv.org/abs/2009.07896. The package is imported when something is computed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sen2naip_sr.errors import UserError
from sen2naip_sr.explain.attribution.path import BATCH, Detector

PATCH = 10
"""Side of the patches that occlusion hides, in LR pixels."""
SAMPLES, NOISE = 10, 0.01
"""SmoothGrad's noisy images, and their noise as a share of the value range."""


@dataclass(frozen=True)
class CaptumMaps:
    """Attributions by other methods, each (C, h, w).

    Attributes:
        integrated: Integrated gradients along the straight line from the blurred image.
        occlusion: Change of the target if a patch of one band is replaced by the band's mean.
        smoothed: Mean gradient over noisy copies of the image: SmoothGrad, Smilkov et al. 2017,
            https://arxiv.org/abs/1706.03825.
    """

    integrated: Tensor
    occlusion: Tensor
    smoothed: Tensor


def require_captum() -> None:
    """Check that the package is there.

    Raises:
        UserError: If it is not.
    """
    try:
        import captum  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise UserError(
            "captum-package-missing",
            "integrated gradients, occlusion and SmoothGrad need the package captum",
            "install it, or leave them out",
        ) from error


def integrated_gradients(
    network: nn.Module, image: Tensor, baseline: Tensor, detect: Detector, steps: int
) -> Tensor:
    """Return integrated gradients (C, h, w), float64, along a straight line.

    Args:
        network: Maps (B, C, h, w) to the result of a window inside.
        image: (C, h, w).
        baseline: The same shape.
        detect: The target; all targets are summed.
        steps: Of the integral.

    Raises:
        UserError: If captum is not installed.
    """
    require_captum()
    from captum.attr import IntegratedGradients  # type: ignore[import-untyped]

    found = IntegratedGradients(_target(network, detect)).attribute(
        image[None].float(),
        baselines=baseline[None].float(),
        n_steps=steps,
        method="riemann_middle",
        internal_batch_size=BATCH,
    )
    return found[0].detach().double()


def captum_maps(  # noqa: PLR0913 - all but the first are keywords
    network: nn.Module,
    *,
    image: Tensor,
    baseline: Tensor,
    detect: Detector,
    steps: int,
    seed: int,
) -> CaptumMaps:
    """Return all three attributions; see `integrated_gradients`, also for errors."""
    integrated = integrated_gradients(network, image, baseline, detect, steps)
    from captum.attr import NoiseTunnel, Occlusion, Saliency

    batch, target = image[None].float(), _target(network, detect)
    means = batch.mean(dim=(-2, -1), keepdim=True).expand_as(batch)
    occlusion = Occlusion(target).attribute(
        batch,
        sliding_window_shapes=(1, PATCH, PATCH),
        strides=(1, PATCH, PATCH),
        baselines=means,
        perturbations_per_eval=BATCH,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        smoothed = NoiseTunnel(Saliency(target)).attribute(
            batch,
            nt_type="smoothgrad",
            nt_samples=SAMPLES,
            nt_samples_batch_size=SAMPLES // 2,
            stdevs=NOISE,
            abs=False,
        )
    return CaptumMaps(integrated, occlusion[0].detach().double(), smoothed[0].detach().double())


def _target(network: nn.Module, detect: Detector) -> Callable[[Tensor], Tensor]:
    return lambda images: detect(network(images)).sum(dim=1)
