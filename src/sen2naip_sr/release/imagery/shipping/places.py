"""The imagery that weights are trained and tested on: licences and attribution by location."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from sen2naip_sr.errors import UserError
from sen2naip_sr.training.mixture.images import location_of

FILE = Path(__file__).with_name("places.yml")


class Imagery(BaseModel):
    """Imagery of a location.

    Attributes:
        sensor: The sensor, the kind of its values and its pixel size.
        land_cover: What it shows.
        source: Who offers it.
        licence: Of the offer and of the imagery.
        attribution: What must stand where the imagery, or weights trained on it, are shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sensor: str
    land_cover: str
    source: str
    licence: str
    attribution: tuple[str, ...]


@cache
def known_imagery() -> dict[str, Imagery]:
    """Return all imagery by location."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: Imagery.model_validate(values) for name, values in content.items()}


def imagery_of(place: str) -> Imagery:
    """Return the imagery of a place.

    Raises:
        UserError: If its licence and attribution are not recorded.
    """
    found = known_imagery().get(location_of(place))
    if found is None:
        raise UserError(
            "attribution-missing",
            f"licence and attribution of {place} are not recorded",
            f"add {location_of(place)} to {FILE.name}",
        )
    return found
