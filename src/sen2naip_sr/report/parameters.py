"""The parameters of the report."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class ReportParameters(Parameters):
    """What the report says that no run can know."""

    title: str = Field(default="Twofold super-resolution of four-band imagery", min_length=1)
    """The title."""
    authors: list[str] = Field(default_factory=list)
    """The authors, below the title."""
    repository: str | None = None
    """Address of the repository; null: that of the checkout's origin, if it is an address."""
    imagery: str | None = None
    """Whose imagery the figures show, and its licence, as its owners ask for it."""
    examples: int = Field(default=3, ge=1, le=6)
    """Chips in the figure of the data set."""
    experiments: list[str] = Field(default_factory=list)
    """Experiments to show, by name; empty: all that have findings."""
