"""What a person fills in on the page, as options of the upscaler."""

from dataclasses import dataclass
from typing import Any

from sen2naip_sr.errors import UserError
from sen2naip_sr.upscaling.parameters import UpscalerParameters, make_options

AUTOMATIC, WHOLE, GIVEN = "Automatic", "Whole range of the data type", "Lowest and highest"
RANGES = (AUTOMATIC, WHOLE, GIVEN)
"""The ways to say which values are 0 and 1 to the network."""


@dataclass(frozen=True)
class Form:
    """The fields of the form.

    Attributes:
        model: The name of a network's weights.
        value_range: One of `RANGES`.
        low, high: The values that become 0 and 1, if they are given; None: left empty.
        consistency, uncertainty, ensemble: Whether the boxes are ticked.
        bands: Numbers or names of bands, separated by commas; empty: all of them.
        nodata: The value that stands for no data; empty: what the file declares.
    """

    model: str
    value_range: str
    low: float | None
    high: float | None
    consistency: bool
    uncertainty: bool
    ensemble: bool
    bands: str
    nodata: str

    def options(self) -> UpscalerParameters:
        """Return it as options.

        Raises:
            UserError: If a field is not valid.
        """
        bands = [name.strip() for name in (self.bands or "").split(",") if name.strip()]
        return make_options(
            model=self.model,
            value_range=self._range(),
            consistency=bool(self.consistency),
            uncertainty=bool(self.uncertainty),
            ensemble=bool(self.ensemble),
            bands=bands or None,
            nodata=self._nodata(),
        )

    def _range(self) -> str:
        if self.value_range != GIVEN:
            return "dtype" if self.value_range == WHOLE else "auto"
        if self.low is None or self.high is None or not self.low < self.high:
            raise UserError(
                "value-range-invalid",
                "The lowest value of the range is not below the highest one",
                "give a lowest value that is below the highest one",
            )
        # as people write it: results of the same range have the same tags
        low, high = (int(end) if float(end).is_integer() else end for end in (self.low, self.high))
        return f"{low}:{high}"

    def _nodata(self) -> float | None:
        text: Any = (self.nodata or "").strip()
        if not text:
            return None
        try:
            return float(text)
        except ValueError as error:
            raise UserError(
                "options-invalid",
                f"The value without data is “{text[:40]}”, which is no number",
                "Give a number, such as 0 or -9999, or leave the field empty",
            ) from error
