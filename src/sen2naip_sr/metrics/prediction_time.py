"""Wall-clock time of the prediction. It is measured where the prediction is made, not here."""

from sen2naip_sr.metrics.metric import Metric

METRIC = Metric(
    key="seconds_per_megapixel",
    title="time",
    unit="s/Mpx",
    higher_is_better=False,
    position=1000,
    tracked=False,
    shown="narrow",
    short="s/Mpx",
)
