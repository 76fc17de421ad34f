"""What is this scene: what the command finds in it, before anything is upscaled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputString,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
)

from sen2naip_sr_qgis.algorithms.base import Base, asking, read_layer, the_command
from sen2naip_sr_qgis.algorithms.help import WHAT_IS_THIS
from sen2naip_sr_qgis.core.child import output_of
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.sources import source_of


class WhatIsThis(Base):
    """Describes a layer or a product."""

    ID = "what_is_this"
    TITLE = "What is this scene"
    SHORT = "Says which product, bands, values, noise and blur a scene has"
    HELP = WHAT_IS_THIS
    TAGS = ("info", "metadata", "product", "bands")

    def initAlgorithm(self, configuration: Any = None) -> None:
        layer = QgsProcessingParameterRasterLayer("INPUT", "Layer", optional=True)
        product = QgsProcessingParameterFile(
            "FILE",
            "Or a file: a product's zip, tar or xml",
            QgsProcessingParameterFile.Behavior.File,
            optional=True,
        )
        folder = QgsProcessingParameterFile(
            "FOLDER",
            "Or a product's folder, such as .SAFE",
            QgsProcessingParameterFile.Behavior.Folder,
            optional=True,
        )
        report = QgsProcessingParameterFileDestination(
            "OUTPUT", "Report", "Text (*.txt)", optional=True, createByDefault=False
        )
        for parameter in (layer, product, folder, report):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputString("TEXT", "What was found"))

    def prepare(self, parameters: dict[str, Any], context: Any, feedback: Any) -> None:
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        paths = [self.parameterAsString(parameters, name, context) for name in ("FILE", "FOLDER")]
        given = [path for path in paths if path]
        if layer is not None:
            given.insert(0, source_of(read_layer(layer)))
        if len(given) != 1:
            problem = "Nothing is given." if not given else "More than one scene is given."
            raise Problem(problem, "give a layer, a file or a folder")
        self._source = given[0]

    def process(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        line = [str(the_command()), "info", "--", self._source]
        text = output_of(line, asking(feedback)).strip()
        feedback.pushInfo(text)
        found = {"TEXT": text}
        report = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        if report:
            Path(report).write_text(f"{text}\n", encoding="utf-8")
            found["OUTPUT"] = report
        return found
