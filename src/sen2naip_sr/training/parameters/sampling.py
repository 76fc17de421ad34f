"""Positions of crops; see docs/augmentation.md."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class DetailParameters(Parameters):
    """Crops that prefer detail."""

    share: float = Field(default=0.5, ge=0, le=1)
    """Share of crops that are drawn by detail; the rest is drawn uniformly."""
    power: float = Field(default=0.5, ge=0, le=4)
    """Positions are drawn in proportion to this power of their gradient energy: 0.5 is
    proportional to the gradient's magnitude, 0 is uniform."""
    cells: int = Field(default=8, ge=1, le=256)
    """Rows and columns of the grid of cells in a chip, whose energy is kept in memory."""
    largest_weight: float = Field(default=4.0, ge=1)
    """Importance weights are clipped to this."""
    weighted: bool = False
    """Weight the losses of crops so that their mean is that of uniform draws: less noise at detail,
    but no preference for it."""
