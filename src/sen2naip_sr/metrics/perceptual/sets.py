"""Distances between two sets of features, by torchmetrics."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def frechet_distance(prediction: "Tensor", truth: "Tensor") -> float:
    """Return the Fréchet distance of the Gaussians fitted to two sets of features.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500, eq. 6. It is biased: two samples of n
    from the same distribution, of d independent features of variance 1, have a distance of about
    (2 d + d (d + 1) / 2) / n. Compare sets of one size, many times larger than d.

    Args:
        prediction: (n, d), float64.
        truth: (m, d).

    Returns:
        NaN for fewer than two samples.
    """
    if min(len(prediction), len(truth)) < 2:
        return math.nan
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(_identity(truth.shape[1])).set_dtype(truth.dtype)
    metric.update(truth, real=True)
    metric.update(prediction, real=False)
    # rounding can leave a little less than nothing
    return max(float(metric.compute()), 0.0)


def kernel_distance(prediction: "Tensor", truth: "Tensor") -> float:
    """Return the squared maximum mean discrepancy with the cubic kernel of the kernel distance.

    Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401: unbiased, so its expectation for equal
    distributions is 0, and values below 0 occur. All samples are one subset: the result does not
    depend on a draw.

    Args:
        prediction: (n, d), float64.
        truth: (n, d).

    Returns:
        NaN for fewer than two samples.
    """
    if min(len(prediction), len(truth)) < 2:
        return math.nan
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(truth, prediction))


def inception_score(logits: "Tensor") -> float:
    """Return the inception score: Salimans et al. 2016, https://arxiv.org/abs/1606.03498.

    ``exp(mean KL(p(y|x) || p(y)))`` of one set as a whole, without random splits.

    Args:
        logits: (n, classes), float64.
    """
    if not len(logits):
        return math.nan
    log = logits.log_softmax(dim=1)
    share = log.exp()
    mean = share.mean(dim=0, keepdim=True)
    return float((share * (log - mean.clamp(min=1e-300).log())).sum(dim=1).mean().exp())


def _identity(features: int):  # type: ignore[no-untyped-def] # noqa: ANN202 - torch is imported here
    from torch import nn

    same = nn.Identity()
    same.num_features = features  # type: ignore[assignment] # torch takes it for a layer
    return same
