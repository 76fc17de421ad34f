"""A metric: the mean error."""

from sen2naip_sr.metrics.metric import Metric


def bias_bands(pair):
    """Return the mean error (C,) of each band, digital numbers."""
    return (pair.prediction - pair.truth).mean(dim=(-2, -1))


METRIC = Metric(
    key="bias", title="bias", unit="DN", higher_is_better=False, position=45, bands=bias_bands
)
