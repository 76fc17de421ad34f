"""Draws a result as its input is drawn, so that switching between both shows only sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsContrastEnhancement,
    QgsMapLayer,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsRasterRenderer,
    QgsReadWriteContext,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from qgis.PyQt.QtXml import QDomDocument

from sen2naip_sr_qgis.core.styles import alpha_band, moved

_waiting: list[Any] = []
"""Post-processors that QGIS will call; Python would remove them before."""


class DrawnAlike(QgsProcessingLayerPostProcessorInterface):
    """Gives a loaded result the look of the layer that it was made from.

    It is made in the thread of the layer, and used in that of the loaded result, both the main one.

    Args:
        layer: The input.
        chosen: Its bands that the result holds, in the result's order.
    """

    def __init__(self, layer: QgsRasterLayer, chosen: Sequence[int]) -> None:
        super().__init__()
        self._renderer = layer.renderer().clone() if layer.renderer() else None
        self._chosen = list(chosen)
        self._style = QDomDocument("style")
        layer.exportNamedStyle(self._style, QgsReadWriteContext(), _categories())
        self._input = layer.id()
        # a system that the user has given the layer instead of the file's own
        own = layer.dataProvider().crs()
        self._crs = layer.crs() if own != layer.crs() else None

    def use(self, context: Any, path: Path, name: str) -> None:
        """Have a result drawn alike if it will be loaded, under a name."""
        if context.willLoadLayerOnCompletion(str(path)):
            details = context.layerToLoadOnCompletionDetails(str(path))
            details.name = name
            details.setPostProcessor(self)
            _waiting.append(self)

    def postProcessLayer(self, layer: QgsMapLayer, context: Any, feedback: Any) -> None:
        draw_alike(layer, self._renderer, self._style, self._chosen)
        if self._crs is not None:
            layer.setCrs(self._crs)
        self._correct_input(feedback)
        if self in _waiting:
            _waiting.remove(self)

    def _correct_input(self, feedback: Any) -> None:
        """See to it that the input does not show an image band as opacity either."""
        layer = QgsProject.instance().mapLayer(self._input)
        renderer = layer.renderer() if layer is not None else None
        if renderer is None or renderer.alphaBand() not in self._chosen:
            return
        band = renderer.alphaBand()
        new = renderer.clone()
        new.setAlphaBand(-1)
        layer.setRenderer(new)
        layer.triggerRepaint()
        if feedback is not None:
            feedback.pushInfo(
                f"QGIS drew band {band} of '{layer.name()}' as opacity, though it is an image "
                "band: switched off"
            )


def draw_alike(
    layer: QgsRasterLayer,
    renderer: QgsRasterRenderer | None,
    style: QDomDocument,
    chosen: Sequence[int],
) -> None:
    """Draw a result as its input is drawn.

    Args:
        layer: The result.
        renderer: That of the input.
        style: The input's symbology and rendering, for what is no renderer: opacity, brightness.
        chosen: Bands of the input that the result holds.
    """
    layer.importNamedStyle(style, _categories())
    new = moved_renderer(renderer, chosen) if renderer is not None else None
    if new is None:
        new = _plain(layer, renderer)
    alpha = alpha_band(renderer.alphaBand() if renderer else -1, chosen, layer.bandCount())
    new.setAlphaBand(alpha)
    # the stretch is the input's; it is not computed anew for another canvas
    new.setMinMaxOrigin(QgsRasterMinMaxOrigin())
    layer.setRenderer(new)
    layer.triggerRepaint()


def moved_renderer(renderer: QgsRasterRenderer, chosen: Sequence[int]) -> QgsRasterRenderer | None:
    """Return a renderer that draws of a result what another draws of the input.

    Returns:
        The renderer; None if it draws a band that the result lacks, or is of another kind.
    """
    new = renderer.clone()
    if isinstance(new, QgsMultiBandColorRenderer):
        drawn = [new.redBand(), new.greenBand(), new.blueBand()]
        bands = moved(drawn, chosen)
        if bands is None:
            return None
        new.setRedBand(bands[0])
        new.setGreenBand(bands[1])
        new.setBlueBand(bands[2])
        return new
    kinds = (
        (QgsSingleBandGrayRenderer, "grayBand", "setGrayBand"),
        (QgsSingleBandPseudoColorRenderer, "band", "setBand"),
        (QgsPalettedRasterRenderer, "band", "setBand"),
    )
    for kind, getter, setter in kinds:
        if isinstance(new, kind):
            # newer QGIS has one name for all of them
            read = getattr(new, "inputBand", None) or getattr(new, getter)
            write = getattr(new, "setInputBand", None) or getattr(new, setter, None)
            band = moved([read()], chosen)
            if band is None or (write is None and band != [read()]):
                return None
            if write is not None:
                write(band[0])
            return new
    return None


def _plain(layer: QgsRasterLayer, renderer: QgsRasterRenderer | None) -> QgsRasterRenderer:
    """Return red, green and blue with a stretch between the 2nd and 98th percent of each."""
    provider = layer.dataProvider()
    bands = [1, 2, 3] if layer.bandCount() >= 3 else [1, 1, 1]
    new = QgsMultiBandColorRenderer(provider, *bands)
    setters = (
        new.setRedContrastEnhancement,
        new.setGreenContrastEnhancement,
        new.setBlueContrastEnhancement,
    )
    for band, setter in zip(bands, setters):
        low, high = provider.cumulativeCut(band, 0.02, 0.98, provider.extent(), 250_000)
        stretch = QgsContrastEnhancement(provider.dataType(band))
        stretch.setMinimumValue(low)
        stretch.setMaximumValue(high)
        algorithm = QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        stretch.setContrastEnhancementAlgorithm(algorithm)
        setter(stretch)
    if renderer is not None:
        new.setOpacity(renderer.opacity())
    return new


def _categories() -> Any:
    category = QgsMapLayer.StyleCategory
    return category.Symbology | category.Rendering
