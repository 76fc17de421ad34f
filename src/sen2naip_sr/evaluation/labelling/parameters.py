"""The parameters of labelling."""

from typing import Literal

from pydantic import Field

from sen2naip_sr.parameters import Parameters


class LabelParameters(Parameters):
    """Tasks for people who compare results, and the reading of what they said."""

    methods: list[str] = Field(default_factory=list)
    """Methods to compare, by their names in the scores; empty: the networks and the best
    interpolation."""
    tasks: int = Field(default=60, ge=2)
    """Comparisons, without the duplicates."""
    duplicates: float = Field(default=0.1, ge=0, le=0.5)
    """Share of the tasks that are asked twice, to see whether people agree with themselves."""
    seed: int = 0
    """Seeds the choice of chips and pairs, the sides, and the order."""
    enlarge: int = Field(default=2, ge=1, le=8)
    """How many pixels of the screen, in each direction, show one of the result."""
    reference: Literal["lr", "hr", "none"] = "lr"
    """What is shown above the two: the LR image, the truth, or nothing."""
    server: str | None = None
    """Address of a Label Studio that the tasks are sent to; null: files only."""
    storage: str | None = None
    """The server's own folder of the images, which it then may show; null: they lie elsewhere."""
    images: str = "/data/local-files/?d=images/"
    """What the address of an image begins with; its file's name follows."""
    export: str | None = None
    """File exported from Label Studio, JSON or JSON-MIN; null: fetched from the server."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Probability with which the intervals cover all strengths at once."""
