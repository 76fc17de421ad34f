"""Where crops are cut; see docs/augmentation.md."""

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class DetailParameters(Parameters):
    """Crops drawn more often where there is more detail."""

    share: float = Field(default=0.5, ge=0, le=1)
    """Share of crops that is drawn by detail; the rest is drawn uniformly."""
    power: float = Field(default=0.5, ge=0, le=4)
    """Positions are drawn in proportion to their gradient energy raised to this: 0.5 is in
    proportion to the gradients' size, 0 is uniform."""
    cells: int = Field(default=8, ge=1, le=256)
    """Rows and columns of the grid of positions a chip whose energy is kept in memory."""
    largest_weight: float = Field(default=4.0, ge=1)
    """Importance weights are clipped to this."""
    weighted: bool = False
    """Weight the losses of crops so that their mean stays that of uniform draws: less noise where
    there is detail, but no preference for it."""
