"""Whether a scene has the bands that weights expect, in their order."""

import logging

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES, find_colours, suggestion
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.raster.scene import FileScene

logger = logging.getLogger(__name__)


def require_bands(scene: Scene, label: str, expected: int) -> None:
    """Raise a `UserError` if a scene has other bands than weights expect.

    Args:
        scene: The scene.
        label: Of the weights, for the message.
        expected: Their bands.
    """
    if scene.count == expected:
        return
    order = " (red, green, blue, near-infrared)" if expected == len(ROLES) else ""
    choice = f"choose {expected} of the scene's bands"
    if isinstance(scene, FileScene) and expected == len(ROLES):
        choice = suggestion(*scene.every_band)
    raise UserError(
        "bands-differ",
        f"{scene.name}: {scene.count} bands, and the weights {label} expect {expected}{order}",
        f"{choice}; or give weights trained for {scene.count} bands",
    )


def warn_of_order(scene: Scene, expected: int) -> None:
    """Warn if bands are called red, green, blue and near-infrared in another order."""
    if not isinstance(scene, FileScene) or expected != len(ROLES):
        return
    found = find_colours(*scene.every_band)
    if found and list(found) != [band.number for band in scene.bands]:
        logger.warning(
            "%s: by its names, red, green, blue and near-infrared are bands %s; they are taken in "
            "the order of the file. What to do: choose the bands",
            scene.name,
            ", ".join(map(str, found)),
        )
