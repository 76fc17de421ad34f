"""Drives the plugin in a real QGIS without a window, and prints what it found as JSON.

``drive.py TASK``: run by the Python of QGIS with the variables that `test_real_qgis.py` sets. The
plugin lies in the profile's folder of plugins, the command is on the search path.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QTextEdit

sys.path.append(os.environ["PLUGIN_FOLDER"])
WORK = Path(os.environ["WORK"])
DOUBLE = "sen2naip_sr:double_resolution"


class Listener(QgsProcessingFeedback):
    """Keeps the lines of the log, and cancels when it is told to."""

    def __init__(self, cancel_at=None):
        super().__init__(False)
        self.lines, self.shares, self.cancelled_at = [], [], None
        self._cancel_at = cancel_at
        self.progressChanged.connect(self._progress)

    def _progress(self, share):
        self.shares.append(share)
        if self._cancel_at is not None and share >= self._cancel_at:
            self.stop()

    def stop(self):
        self.cancelled_at = self.cancelled_at or time.monotonic()
        self.cancel()

    def pushInfo(self, text):
        self.lines.append(text)

    def pushWarning(self, text):
        self.lines.append(f"WARNING {text}")

    def reportError(self, text, fatalError=False):
        self.lines.append(f"ERROR {text}")


def start():
    sys.path.append(f"{QgsApplication.pkgDataPath()}/python/plugins")
    import processing
    from processing.core.Processing import Processing

    Processing.initialize()
    from sen2naip_sr_qgis import classFactory

    plugin = classFactory(None)
    plugin.initProcessing()
    return plugin, processing


def begin(parameters, feedback=None):
    """Run the algorithm as the toolbox does, and return its results and the context."""
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    algorithm = QgsApplication.processingRegistry().algorithmById(DOUBLE).create()
    listener = feedback or Listener()
    results, good = algorithm.run(parameters, context, listener)
    return results, good, listener, context


def task_drawing(processing):
    """Load a result as the toolbox does, and compare how both layers are drawn."""
    found = {}
    for name in ("flagged", "twelve"):
        scene = QgsRasterLayer(str(WORK / f"{name}.tif"), name)
        QgsProject.instance().addMapLayer(scene)
        if name == "twelve":
            scene.renderer().setRedBand(8)
            scene.renderer().setGreenBand(4)
            scene.renderer().setBlueBand(3)
        target = str(WORK / f"{name}_drawn.tif")
        before, layers = look(scene), set(QgsProject.instance().mapLayers())
        parameters = {"INPUT": scene.id(), "OUTPUT": target}
        processing.runAndLoadResults(DOUBLE, parameters, feedback=Listener())
        (new,) = set(QgsProject.instance().mapLayers()) - layers
        result = QgsProject.instance().mapLayer(new)
        found[name] = {"before": before, "input": look(scene), "result": look(result)}
        found[name]["name"] = result.name()
    return found


def look(layer):
    renderer = layer.renderer()
    limits = [
        [stretch.minimumValue(), stretch.maximumValue()]
        for stretch in (
            renderer.redContrastEnhancement(),
            renderer.greenContrastEnhancement(),
            renderer.blueContrastEnhancement(),
        )
        if stretch
    ]
    return {
        "bands": [renderer.redBand(), renderer.greenBand(), renderer.blueBand()],
        "limits": limits,
        "alpha": renderer.alphaBand(),
        "opacity": renderer.opacity(),
    }


def task_cancel(processing):
    """Cancel at once, and after the first tiles; measure how long the end takes."""
    found = []
    for at in (None, 1):
        listener = Listener(at)
        if at is None:
            threading.Timer(0.7, listener.stop).start()
        folder = WORK / f"cancelled{at}"
        parameters = {"INPUT": str(WORK / "large.tif"), "OUTPUT": str(folder / "out.tif")}
        results, _, _, _ = begin(parameters, listener)
        found.append(
            {
                "seconds": time.monotonic() - listener.cancelled_at,
                "left": sorted(path.name for path in folder.iterdir()),
                "results": results,
                "shares": listener.shares,
                "lines": listener.lines,
                "children": children(),
            }
        )
    return found


def children():
    """Return the command lines of processes that this one has started and that still run."""
    own, found = str(os.getpid()), []
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[1] == own and fields[0] != "Z":
                found.append((folder / "cmdline").read_text())
        except (OSError, IndexError):
            continue
    return found


def task_errors(processing):
    """Collect what is said of inputs that cannot be upscaled."""
    scene = str(WORK / "rgbn.tif")
    out = str(WORK / "never.tif")
    cases = {
        "noise": {"INPUT": scene, "NOISE": "lots"},
        "model": {"INPUT": scene, "MODEL": "leen"},
        "bands": {"INPUT": scene, "BANDS": "1,2,3,9"},
        "three": {"INPUT": str(WORK / "three.tif")},
        "ending": {"INPUT": scene, "OUTPUT": str(WORK / "never.gpkg")},
        "itself": {"INPUT": scene, "OUTPUT": scene},
        "outside": {"INPUT": scene, "AREA": "0,10,0,10 [EPSG:32633]"},
        "server": {"INPUT": scene, "SERVER": "http://127.0.0.1:9"},
    }
    layers = {
        "wms": QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png", "Tiles", "wms"),
        "memory": QgsRasterLayer(memory_raster(), "In memory"),
    }
    for name, layer in layers.items():
        QgsProject.instance().addMapLayer(layer)
        cases[name] = {"INPUT": layer.id()}
    said = {}
    for name, parameters in cases.items():
        _, good, listener, _ = begin({"OUTPUT": out, **parameters})
        said[name] = {"good": good, "lines": listener.lines}
    os.environ["PATH"] = "/usr/bin:/bin"
    _, good, listener, _ = begin({"INPUT": scene, "OUTPUT": out})
    said["no command"] = {"good": good, "lines": listener.lines}
    said["left"] = sorted(path.name for path in WORK.iterdir() if path.name[0] in ".n")
    return said


def memory_raster():
    from osgeo import gdal

    with open(WORK / "rgbn.tif", "rb") as file:
        gdal.FileFromMemBuffer("/vsimem/scene.tif", file.read())
    return "/vsimem/scene.tif"


def task_sources(processing):
    """Upscale layers of several kinds; those with fewer or more bands are read by their names."""
    found = {}
    for name, source in json.loads(os.environ["SOURCES"]).items():
        layer = QgsRasterLayer(source, name)
        target = str(WORK / f"{name}_done.tif")
        QgsProject.instance().addMapLayer(layer)
        _, good, listener, _ = begin({"INPUT": layer.id(), "OUTPUT": target})
        found[name] = {"good": good, "valid": layer.isValid(), "lines": listener.lines}
    return found


def batch_dialog(rows):
    """Return the batch dialog of the algorithm with rows of (scene, output)."""
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    algorithm = QgsApplication.processingRegistry().algorithmById(DOUBLE).create()
    dialog = BatchAlgorithmDialog(algorithm)
    panel, context = dialog.mainWidget(), QgsProcessingContext()
    panel.checkLoadLayersOnCompletion.setChecked(True)
    panel.addRow(len(rows) - panel.batchRowCount())
    for row, (scene, out) in enumerate(rows):
        wrapper = panel.wrappers[row][panel.parameter_to_column["INPUT"]]
        wrapper.setParameterValue(str(WORK / scene), context)
        column = panel.parameter_to_column["OUTPUT"]
        panel.tblParameters.cellWidget(row + 1, column).setValue(str(WORK / out))
    return dialog


def task_areas(processing):
    """Upscale parts of a scene with a place and of one without, and describe a scene."""
    found = {}
    places = {"rgbn": "500100,500500,4999505,4999905 [EPSG:32633]", "plain": "16.5,40,-50,-20"}
    for name, area in places.items():
        target = str(WORK / f"{name}_part.tif")
        given = {"INPUT": str(WORK / f"{name}.tif"), "AREA": area, "OUTPUT": target}
        _, good, listener, _ = begin(given)
        found[name] = {"good": good, "lines": listener.lines}
    scene = {"INPUT": str(WORK / "rgbn.tif")}
    found["info"] = processing.run("sen2naip_sr:what_is_this", scene, feedback=Listener())["TEXT"]
    return found


def task_batch(processing):
    """Run the batch dialog over two scenes, of which one cannot be upscaled; cancel another."""
    dialog = batch_dialog([("three.tif", "batch_0.tif"), ("rgbn.tif", "batch_1.tif")])
    dialog.runAlgorithm()
    log = dialog.findChild(QTextEdit, "txtLog").toPlainText()
    loaded = sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())
    long = batch_dialog([("large.tif", "batch_2.tif"), ("large.tif", "batch_3.tif")])
    moment = []
    QTimer.singleShot(4000, lambda: (moment.append(time.monotonic()), long.cancelButton().click()))
    long.runAlgorithm()
    return {
        "log": log,
        "loaded": loaded,
        "seconds": time.monotonic() - moment[0],
        "children": children(),
        "left": sorted(path.name for path in WORK.glob("*batch_*")),
        "hidden": sorted(path.name for path in WORK.glob(".*")),
    }


def task_dialog(processing):
    """Open the dialog, and read what it presets for several layers."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from sen2naip_sr_qgis.algorithms.base import the_command
    from sen2naip_sr_qgis.core import models

    models.ask(the_command())
    algorithm = QgsApplication.processingRegistry().algorithmById(DOUBLE).create()
    dialog = AlgorithmDialog(algorithm)
    wrappers, context = dialog.mainWidget().wrappers, QgsProcessingContext()
    found = {"bands": {}}
    for name in ("rgbn", "twelve", "three"):
        layer = QgsRasterLayer(str(WORK / f"{name}.tif"), name)
        QgsProject.instance().addMapLayer(layer)
        wrappers["INPUT"].setParameterValue(layer.id(), context)
        found["bands"][name] = wrappers["BANDS"].value()
        if name == "twelve":
            found["why"] = wrappers["BANDS"]._why.text()
            wrappers["BANDS"].setValue("2,3,4,8")
            found["typed"] = wrappers["BANDS"].value()
            parameters = dialog.createProcessingParameters()
            found["parameters"] = {name: str(value) for name, value in parameters.items()}
    box = wrappers["MODEL"].box
    found["models"] = [box.itemText(index) for index in range(box.count())]
    found["card"] = box.toolTip()
    return found


def task_model(processing):
    """Make a model of QGIS with the algorithm in it, and run it; open its dialog in the modeler."""
    from processing.modeler.ModelerParametersDialog import ModelerParametersDialog

    model = QgsProcessingModelAlgorithm("doubled", "tests")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("scene", "Scene"), QgsProcessingModelParameter("scene")
    )
    step = QgsProcessingModelChildAlgorithm(DOUBLE)
    step.setChildId("step")
    source = QgsProcessingModelChildParameterSource
    step.addParameterSources("INPUT", [source.fromModelParameter("scene")])
    step.addParameterSources("MODEL", [source.fromStaticValue("lean")])
    output = QgsProcessingModelOutput("out", "Out")
    output.setChildId("step")
    output.setChildOutputName("OUTPUT")
    step.setModelOutputs({"out": output})
    model.addChildAlgorithm(step)
    algorithm = QgsApplication.processingRegistry().algorithmById(DOUBLE)
    dialog = ModelerParametersDialog(algorithm, model, "step")
    edited = dialog.createAlgorithm()
    context, listener = QgsProcessingContext(), Listener()
    target = str(WORK / "model.tif")
    name = next(p.name() for p in model.parameterDefinitions() if p.isDestination())
    _, good = model.run({"scene": str(WORK / "rgbn.tif"), name: target}, context, listener)
    return {
        "good": good,
        "lines": listener.lines,
        "edited": sorted(edited.parameterSources()) if edited else None,
    }


def main():
    application = QgsApplication([], True)
    application.initQgis()
    plugin, processing = start()
    found = globals()[f"task_{sys.argv[1]}"](processing)
    Path(os.environ["FOUND"]).write_text(json.dumps(found))
    del plugin
    # the end of QGIS without a window is not what is tested
    sys.stdout.flush()
    os._exit(0)


main()
