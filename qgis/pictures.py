"""Takes the pictures of docs/qgis.md from a QGIS that runs on a display of its own.

    make qgis-plugin; unzip it into the profile's python/plugins; then
    SCENE=scene.tif FOLDER=docs/images xvfb-run -s "-screen 0 1400x900x24" \
        qgis --noversioncheck --nologo --code qgis/pictures.py

The command must be on the search path, and the window manager, if there is one, may be any.
"""

import os
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QPoint, QRect, QSize, Qt, QTimer
from qgis.PyQt.QtGui import QPainter, QPixmap
from qgis.PyQt.QtWidgets import QApplication, QToolTip
from qgis.utils import iface, loadPlugin, plugins, startPlugin

FOLDER = Path(os.environ["FOLDER"])
SCENE = Path(os.environ["SCENE"])
NAME = "sen2naip_sr_qgis"
Steps = Generator[int, None, Any]
"""Yields the milliseconds until it wants to go on."""


def steps() -> Steps:
    """Take one picture after the other; between two steps QGIS goes on."""
    if NAME not in plugins:
        loadPlugin(NAME)
        startPlugin(NAME)
    window = iface.mainWindow()
    window.resize(QSize(1400, 900))
    window.move(0, 0)
    layer = QgsRasterLayer(str(SCENE), SCENE.stem)
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    iface.mapCanvas().setExtent(layer.extent())
    yield 2000
    dialog = yield from the_dialog()
    yield from the_result(dialog, layer)


def the_dialog() -> Steps:
    """Open the dialog, and take it with the card of a model."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from qgis.core import QgsApplication

    registry = QgsApplication.processingRegistry()
    algorithm = registry.algorithmById("sen2naip_sr:double_resolution").create()
    dialog = AlgorithmDialog(algorithm, parent=iface.mainWindow())
    dialog.resize(QSize(1040, 700))
    dialog.move(60, 60)
    dialog.show()
    box = dialog.mainWidget().wrappers["MODEL"].box
    for _ in range(100):
        yield 300
        if "<p>" in box.toolTip():
            break
    picture = dialog.grab()
    QToolTip.showText(box.mapToGlobal(QPoint(20, 20)), box.toolTip(), box)
    yield 100
    tips = [one for one in QApplication.topLevelWidgets() if "QTipLabel" in str(type(one))]
    tips += [one for one in QApplication.topLevelWidgets() if one.inherits("QTipLabel")]
    if tips:
        painter = QPainter(picture)
        painter.drawPixmap(box.mapTo(dialog, QPoint(30, box.height() + 4)), tips[0].grab())
        painter.end()
    picture.save(str(FOLDER / "qgis-dialog.png"))
    QToolTip.hideText()
    return dialog


def the_result(dialog: Any, layer: QgsRasterLayer) -> Steps:
    """Run it, and take the window, and both layers beside each other."""
    dialog.runAlgorithm()
    for _ in range(400):
        yield 500
        if len(QgsProject.instance().mapLayers()) > 1:
            break
    yield 1500
    dialog.close()
    (result,) = (one for one in QgsProject.instance().mapLayers().values() if one is not layer)
    canvas = iface.mapCanvas()
    whole, pixel = layer.extent(), layer.rasterUnitsPerPixelX()
    across, down = map(float, os.environ.get("CENTRE", "0.5,0.5").split(","))
    middle = QgsPointXY(
        whole.xMinimum() + across * whole.width(), whole.yMaximum() - down * whole.height()
    )
    half = 45 * pixel
    canvas.setExtent(
        QgsRectangle(middle.x() - half, middle.y() - half, middle.x() + half, middle.y() + half)
    )
    taken = []
    root = QgsProject.instance().layerTreeRoot()
    for shown in (layer, result):
        for one in (layer, result):
            root.findLayer(one.id()).setItemVisibilityChecked(one is shown)
        canvas.refresh()
        yield 2500
        taken.append(canvas.grab())
    iface.mainWindow().grab().save(str(FOLDER / "qgis-window.png"))
    side = min(taken[0].width(), taken[0].height(), 640)
    both = QPixmap(2 * side + 8, side)
    both.fill(Qt.GlobalColor.white)
    painter = QPainter(both)
    for number, picture in enumerate(taken):
        left, top = (picture.width() - side) // 2, (picture.height() - side) // 2
        painter.drawPixmap(number * (side + 8), 0, picture.copy(QRect(left, top, side, side)))
    painter.end()
    both.save(str(FOLDER / "qgis-result.png"))


def go_on(running: Steps) -> None:
    """Take the next step, and come back after the time that it wants."""
    try:
        QTimer.singleShot(next(running), lambda: go_on(running))
    except StopIteration:
        leave()
    except Exception:
        (FOLDER / "qgis-pictures.log").write_text(traceback.format_exc())
        leave()


def leave() -> None:
    """End QGIS without questions."""
    os._exit(0)


QTimer.singleShot(3000, lambda: go_on(steps()))
