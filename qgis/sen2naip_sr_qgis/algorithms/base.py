"""What the algorithms share: their faults, their lines in the log, the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QThread
from qgis.PyQt.QtGui import QIcon

from sen2naip_sr_qgis.core.command import find_command
from sen2naip_sr_qgis.core.problems import Cancelled, Problem
from sen2naip_sr_qgis.core.sources import Layer
from sen2naip_sr_qgis.provider import COMMAND, icon, setting


def asking(feedback: QgsProcessingFeedback) -> Callable[[], bool]:
    """Return a function that says whether the user has cancelled.

    Batches run in the thread of the window. There it sees to it that clicks are noticed.
    """
    application = QCoreApplication.instance()
    in_window = application is not None and QThread.currentThread() == application.thread()

    def asked() -> bool:
        if in_window:
            QCoreApplication.processEvents()
        return feedback.isCanceled()

    return asked


class Base(QgsProcessingAlgorithm):
    """An algorithm that is described by its attributes."""

    ID = ""
    TITLE = ""
    SHORT = ""
    HELP = ""
    TAGS: tuple[str, ...] = ()

    def createInstance(self) -> QgsProcessingAlgorithm:
        return type(self)()

    def name(self) -> str:
        return self.ID

    def displayName(self) -> str:
        return self.TITLE

    def shortDescription(self) -> str:
        return self.SHORT

    def shortHelpString(self) -> str:
        # QGIS begins a paragraph at the end of every line
        return " ".join(self.HELP.split())

    def tags(self) -> list[str]:
        return ["super-resolution", "upscale", "sharpen", *self.TAGS]

    def icon(self) -> QIcon:
        return icon(self.ID if self.ID != "double_resolution" else "double")

    def prepareAlgorithm(
        self, parameters: dict[str, Any], context: Any, feedback: QgsProcessingFeedback
    ) -> bool:
        try:
            self.prepare(parameters, context, feedback)
        except Problem as problem:
            raise QgsProcessingException(str(problem)) from problem
        return True

    def processAlgorithm(
        self, parameters: dict[str, Any], context: Any, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        try:
            return self.process(parameters, context, feedback)
        except Problem as problem:
            raise QgsProcessingException(str(problem)) from problem
        except Cancelled:
            feedback.pushInfo("Cancelled: nothing was written.")
            return {}

    def prepare(self, parameters: dict[str, Any], context: Any, feedback: Any) -> None:
        """Read what belongs to the thread of the window. May raise `Problem`."""

    def process(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        """Do the work, in any thread. May raise `Problem` or `Cancelled`."""
        raise NotImplementedError


def the_command() -> Path:
    """Return the command; raise `Problem` if there is none."""
    return find_command(setting(COMMAND))


def read_layer(layer: QgsRasterLayer) -> Layer:
    """Return what the command needs to know of a layer."""
    provider = layer.dataProvider()
    numbers = range(1, layer.bandCount() + 1)
    return Layer(
        name=layer.name(),
        provider=layer.providerType(),
        source=layer.source(),
        bands=[layer.bandName(number) for number in numbers],
        colours=[provider.colorInterpretationName(number) for number in numbers],
    )


class Progress:
    """Hands the command's events on to the bar of the dialog.

    Args:
        feedback: Of the algorithm.
        renamed: Texts to replace in lines: hidden folders by those that the results get to.
    """

    def __init__(
        self, feedback: QgsProcessingFeedback, renamed: Mapping[str, str] | None = None
    ) -> None:
        self._feedback = feedback
        self._renamed = dict(renamed or {})

    def told(self, event: Mapping[str, Any]) -> None:
        """Show an event of progress; the others are told otherwise."""
        if event.get("event") == "progress" and event.get("total"):
            done, total = float(event["done"]), float(event["total"])
            self._feedback.setProgress(100 * done / total)
            text = event.get("text") or f"{done:.0f} of {total:.0f} tiles"
            self._feedback.setProgressText(text)

    def shown(self, text: str) -> str:
        """Return a text with hidden folders replaced."""
        for hidden, shown in self._renamed.items():
            text = text.replace(hidden, shown)
        return text

    def said(self, line: str) -> None:
        """Write a line to the log; warnings stand out."""
        line = self.shown(line)
        if "What to do:" in line or line.startswith("WARNING"):
            self._feedback.pushWarning(line)
        elif line.strip():
            self._feedback.pushInfo(line)
