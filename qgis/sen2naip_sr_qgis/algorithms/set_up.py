"""Set up the command: an environment of its own, shown before it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
    QgsSettings,
)

from sen2naip_sr_qgis.algorithms.base import Base, Progress, asking
from sen2naip_sr_qgis.algorithms.help import SET_UP
from sen2naip_sr_qgis.core.command import own_folder
from sen2naip_sr_qgis.core.setting_up import make_plan, set_up
from sen2naip_sr_qgis.provider import COMMAND


class SetUp(Base):
    """Makes a virtual environment with the command in it."""

    ID = "set_up"
    TITLE = "Set up the command"
    SHORT = "Installs sen2naip-sr into an environment of its own"
    HELP = SET_UP
    TAGS = ("install", "venv", "pip")

    def initAlgorithm(self, configuration: Any = None) -> None:
        file, folder = (
            QgsProcessingParameterFile.Behavior.File,
            QgsProcessingParameterFile.Behavior.Folder,
        )
        string = QgsProcessingParameterString
        for parameter in (
            string("PACKAGE", "Package: the project's folder, a wheel or its address"),
            QgsProcessingParameterFile(
                "FOLDER",
                "Folder of the environment",
                folder,
                defaultValue=str(own_folder()),
                optional=True,
            ),
            QgsProcessingParameterFile("PYTHON", "Python 3.11 or 3.12", file, optional=True),
            string("PIP_OPTIONS", "Further options of pip", "", optional=True),
            QgsProcessingParameterBoolean("DO", "Do it (otherwise: only show what is done)", False),
        ):
            self.addParameter(parameter)
        self.addOutput(QgsProcessingOutputString("PLAN", "What is done"))
        self.addOutput(QgsProcessingOutputString("VERSION", "Version that was set up"))

    def process(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        def text(name: str) -> str:
            return self.parameterAsString(parameters, name, context).strip()

        folder = Path(text("FOLDER") or own_folder())
        plan = make_plan(folder, text("PACKAGE"), text("PYTHON"), text("PIP_OPTIONS"))
        feedback.pushInfo("These commands set sen2naip-sr up:")
        feedback.pushCommandInfo(str(plan))
        if not self.parameterAsBoolean(parameters, "DO", context):
            feedback.pushInfo("Nothing was done. Tick 'Do it' and run again to do it.")
            return {"PLAN": str(plan)}
        version = set_up(plan, Progress(feedback).said, asking(feedback))
        # its own folder is found without a setting, unless one names another command
        found = "" if plan.folder == own_folder() else str(plan.folder)
        QgsSettings().setValue(f"Processing/Configuration/{COMMAND}", found)
        feedback.pushInfo(f"Ready: {version}")
        return {"PLAN": str(plan), "VERSION": version}
