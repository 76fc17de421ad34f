"""What a server and a site of a federated training are told. Imports neither torch nor Flower."""

from typing import Any

from pydantic import Field

from sen2naip_sr.federated.parameters import FederationParameters
from sen2naip_sr.parameters import Parameters


class ServerSettings(Parameters):
    """A federated training over a network, as its server is told of it."""

    weights: str = "lean"
    """The weights to start from: a shipped name or a file. They say what imagery sites must have:
    bands, recipe and value range."""
    fresh: bool = False
    """Start from random weights of the same network instead."""
    sites: int = Field(default=2, ge=2)
    """Sites that take part."""
    federation: FederationParameters = FederationParameters()
    """Rounds and strategy."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the training; its length follows from the rounds."""


class SiteSettings(Parameters):
    """A site, as its own operator describes it."""

    name: str = Field(pattern=r"^\w[\w .-]*$")
    """Its name, which the server sees."""
    hr: str
    """The folder of its store of HR chips."""
    lr: str
    """The folder of its store of LR chips."""
    folder: str
    """Where it keeps the state of its optimiser."""
    places: list[str] | None = None
    """The places that take part; null: all."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """The share of locations that are not trained on: they score the server's weights here."""
    fewest_chips: int = Field(default=2, ge=1)
    """Training chips that it must have at least."""
    clip: float | None = Field(default=None, gt=0)
    """The largest norm of a change of the weights that it sends; null: the server decides."""
    accelerator: str = "auto"
    """Its device."""
