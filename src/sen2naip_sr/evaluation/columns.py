"""How the comparison's columns are shown to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """One shown column.

    Attributes:
        title: Its heading, with the unit.
        template: A format string over the row's values.
    """

    title: str
    template: str

    def show(self, row: Mapping[Any, Any]) -> str:
        """Return the cell's text, with "-" for what has no value."""
        return self.template.format(**row).replace("+nan", "-").replace("nan", "-")


COLUMNS = (
    Column("PSNR dB", "{psnr:.2f}"),
    Column("difference dB", "{delta_psnr:+.2f} [{delta_low:+.2f}, {delta_high:+.2f}]"),
    Column("SSIM", "{ssim:.4f}"),
    Column("SAM °", "{sam:.2f}"),
    Column("ERGAS", "{ergas:.2f}"),
    Column("consist.", "{consistency:.2f}"),
    Column("spectrum dB", "{spectrum:.2f}"),
    Column("s/Mpx", "{seconds_per_megapixel:.2f}"),
)
