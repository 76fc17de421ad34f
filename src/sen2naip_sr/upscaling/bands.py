"""Whether a scene has the bands that weights expect, in their order."""

import logging
from collections.abc import Sequence
from pathlib import Path

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.band_names import ROLES, find_colours, numbers_by_role, suggestion
from sen2naip_sr.raster.protocol import Scene
from sen2naip_sr.raster.scene import FileScene, open_scene
from sen2naip_sr.upscaling.parameters import UpscalerParameters

logger = logging.getLogger(__name__)


def open_named(
    path: Path | str, parameters: UpscalerParameters, count: int, names: Sequence[str] | None
) -> FileScene:
    """Open a file as the scene that parameters describe, with the bands that a network names.

    Where bands are chosen, these are taken. Names of Sentinel-2's bands and of colours stand for
    each other. Where the file tells nothing of its bands, all are taken in its order, and a warning
    says so.

    Args:
        path: The file; see `open_scene`, also for errors.
        parameters: Bands, nodata, drivers and variant.
        count: The number of bands that the network takes.
        names: Their names; None: it has none.
    """
    p = parameters
    more = (count, p.nodata, p.drivers)
    if p.bands is not None or names is None:
        return open_scene(path, p.bands, *more, variant=p.variant)
    try:
        return open_scene(path, list(names), *more, variant=p.variant)
    except UserError as error:
        if error.code != "unknown-band":
            raise
    scene = open_scene(path, None, *more, variant=p.variant)
    if numbers := numbers_by_role(names, *scene.every_band):
        scene.close()
        return open_scene(path, numbers, *more, variant=p.variant)
    logger.warning(
        "%s: nothing says which of its bands are %s; they are taken in the order of the file. "
        "What to do: choose the bands",
        scene.name,
        ", ".join(names),
    )
    return scene


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
