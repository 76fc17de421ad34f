"""What is known of the scores' columns: their names for people, units, and which way is better."""

from dataclasses import dataclass

from sen2naip_sr.errors import UserError
from sen2naip_sr.parameters import describe_unknown

ALL_BANDS = "all"
"""The scores' ``band`` on rows over all bands together."""


@dataclass(frozen=True)
class Measure:
    """One column of the per-chip scores.

    Attributes:
        title: Its name for people.
        higher_is_better: Whether more of it is better.
        unit: Empty where it has none.
        decimals: With how many it is shown; more where it would otherwise be zero.
    """

    title: str
    higher_is_better: bool
    unit: str = ""
    decimals: int = 2

    def amount(self, value: float, *others: float) -> str:
        """Return a value with unit, and any others as an interval behind it."""
        decimals = self.decimals
        smallest = min((abs(number) for number in (value, *others) if number), default=1.0)
        while decimals < 6 and smallest < 0.5 * 10**-decimals:
            decimals += 1
        # adding zero turns -0.0 into 0.0
        texts = [f"{round(number, decimals) + 0.0:.{decimals}f}" for number in (value, *others)]
        unit = f" {self.unit}" if self.unit else ""
        return texts[0] + unit + (f" [{', '.join(texts[1:])}]" if others else "")


MEASURES = {
    "psnr": Measure("PSNR", True, "dB"),
    "ssim": Measure("SSIM", True, decimals=4),
    "ms_ssim": Measure("MS-SSIM", True, decimals=4),
    "rmse": Measure("RMSE", False, "DN"),
    "sam": Measure("SAM", False, "°"),
    "ergas": Measure("ERGAS", False),
    "uiqi": Measure("UIQI", True, decimals=4),
    "consistency": Measure("consistency", False, "DN"),
    "spectrum": Measure("spectrum", False, "dB"),
    "seconds_per_megapixel": Measure("time", False, "s/Mpx"),
}
"""By column; docs/protocol.md says what each is."""


def get_measure(metric: str) -> Measure:
    """Return what is known of a column.

    Raises:
        UserError: If nothing is: without knowing which way is better there is no comparison.
    """
    if metric not in MEASURES:
        unknown = describe_unknown("metric", metric, list(MEASURES))
        raise UserError("unknown-metric", unknown, "choose one of the valid names")
    return MEASURES[metric]
