"""The area to upscale, in the terms of the command."""

from __future__ import annotations

import math
from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsRasterLayer, QgsRectangle

from sen2naip_sr_qgis.core.problems import Problem


def area_of(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    context: Any,
    layer: QgsRasterLayer,
) -> dict[str, Any]:
    """Return the options that say which part of a layer to upscale; none for all of it.

    A file with georeferencing gets a box in its own coordinates, which stay the same where the
    user has given the layer another coordinate system. One without gets a window of pixels.

    Raises:
        Problem: If the area does not touch the layer.
    """
    if not parameters.get("AREA"):
        return {}
    area = algorithm.parameterAsExtent(parameters, "AREA", context, layer.crs())
    whole = layer.extent()
    if area.isEmpty() or not area.intersects(whole):
        raise Problem(
            f"The area {_shown(area)} is outside of the layer '{layer.name()}', {_shown(whole)}.",
            "choose an area on the layer, or none for all of it",
        )
    if _is_placed(layer):
        return {"bbox": (area.xMinimum(), area.yMinimum(), area.xMaximum(), area.yMaximum())}
    cut = area.intersect(whole)
    column, row = math.floor(cut.xMinimum()), math.floor(-cut.yMaximum())
    width, height = math.ceil(cut.xMaximum()) - column, math.ceil(-cut.yMinimum()) - row
    return {"window": (column, row, width, height)}


def _is_placed(layer: QgsRasterLayer) -> bool:
    """Return whether a layer has coordinates; QGIS gives others one unit a pixel, downwards."""
    pixels = QgsRectangle(0, -layer.height(), layer.width(), 0)
    return layer.dataProvider().extent() != pixels


def _shown(box: QgsRectangle) -> str:
    left, bottom, right, top = box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()
    return f"({left:.8g}, {bottom:.8g} to {right:.8g}, {top:.8g})"
