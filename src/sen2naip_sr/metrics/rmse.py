"""Root of the mean squared error, in digital numbers."""

from typing import TYPE_CHECKING

from sen2naip_sr.metrics.metric import Metric, Pair, mean_of_valid

if TYPE_CHECKING:
    from torch import Tensor


def rmse_bands(pair: Pair) -> "Tensor":
    """Return the root mean squared error (C,) of each band, digital numbers."""
    return mean_of_valid((pair.prediction - pair.truth).square(), pair.valid).sqrt()


def root_mean_square(pair: Pair, bands: "Tensor | None") -> "Tensor":
    """Return the root of the mean square () of the bands' scores (C,)."""
    assert bands is not None
    return bands.square().mean(dim=-1).sqrt()


def _joint(pair: Pair, bands: "Tensor | None") -> "Tensor":
    if pair.valid is None:
        return root_mean_square(pair, bands)
    squares = (pair.prediction - pair.truth).square()
    return squares[pair.valid].mean().sqrt()


METRIC = Metric(
    key="rmse",
    title="RMSE",
    unit="DN",
    higher_is_better=False,
    position=40,
    bands=rmse_bands,
    joint=_joint,
)
