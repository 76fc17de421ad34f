"""Check the command: its version, models and processors, or what is missing."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterString,
)

from sen2naip_sr_qgis.algorithms.base import Base, asking, the_command
from sen2naip_sr_qgis.algorithms.help import CHECK
from sen2naip_sr_qgis.core import models
from sen2naip_sr_qgis.core.child import output_of
from sen2naip_sr_qgis.provider import SERVER, server_of, setting


class Check(Base):
    """Says what does the work, or what is missing for it."""

    ID = "check"
    TITLE = "Check the command"
    SHORT = "Says version, models and processor cores of sen2naip-sr, or what is missing"
    HELP = CHECK
    TAGS = ("version", "models", "installation")

    def initAlgorithm(self, configuration: Any = None) -> None:
        self.addParameter(QgsProcessingParameterString("SERVER", "Server", "", optional=True))
        self.addOutput(QgsProcessingOutputString("COMMAND", "Command or server"))
        self.addOutput(QgsProcessingOutputString("VERSION", "Version"))
        self.addOutput(QgsProcessingOutputString("MODELS", "Models"))
        self.addOutput(QgsProcessingOutputNumber("THREADS", "Processor cores"))

    def process(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        url = self.parameterAsString(parameters, "SERVER", context).strip() or setting(SERVER)
        if url:
            told = server_of(url).models(asking(feedback))
            feedback.pushInfo(f"Server: {url}")
            self._say_models(told["models"], "name", feedback)
            limits = told.get("limits", {})
            feedback.pushInfo(f"It takes scenes of up to {limits.get('pixels', 0):,} pixels")
            names = ",".join(model["name"] for model in told["models"])
            return {"COMMAND": url, "MODELS": names}
        command = the_command()
        feedback.pushInfo(f"Command: {command}")
        version = output_of([str(command), "--version"], asking(feedback)).split()[-1]
        feedback.pushInfo(f"Version: {version}")
        told = models.ask(command, asking(feedback))
        feedback.pushInfo(f"Computes on: {told['device']}, {told['threads']} processor cores")
        self._say_models(told["models"], "model", feedback)
        return {
            "COMMAND": str(command),
            "VERSION": version,
            "MODELS": ",".join(models.names_of(told)),
            "THREADS": told["threads"],
        }

    def _say_models(self, found: list[dict[str, Any]], key: str, feedback: Any) -> None:
        for model in found:
            feedback.pushInfo(f"Model {model[key]}: {models.line(model)}")
