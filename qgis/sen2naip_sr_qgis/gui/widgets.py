"""Widgets of the dialog: the bands by role, and the models with their cards."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from processing.gui.wrappers import WidgetWrapper
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameters,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsProcessingGui
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QWidget

from sen2naip_sr_qgis.algorithms.base import read_layer, the_command
from sen2naip_sr_qgis.core import models
from sen2naip_sr_qgis.core.bands import ROLES, described, preset
from sen2naip_sr_qgis.core.problems import Problem


class BandsWidget(WidgetWrapper):
    """Four lists of the layer's bands, preset from their names; in tables a line of text."""

    def createWidget(self) -> QWidget:
        if self.type() != QgsProcessingGui.WidgetType.Standard:
            line = QLineEdit()
            line.setPlaceholderText("by their names")
            return line
        self._boxes = [QComboBox() for _ in ROLES]
        self._why = QLabel("")
        widget = QWidget()
        layout = QGridLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        for number, (role, box) in enumerate(zip(ROLES, self._boxes)):
            layout.addWidget(QLabel(role), 0, number)
            layout.addWidget(box, 1, number)
            box.currentIndexChanged.connect(lambda _index: self.widgetValueHasChanged.emit(self))
        layout.addWidget(self._why, 2, 0, 1, len(ROLES))
        self._fill(None)
        return widget

    def postInitialize(self, wrappers: Sequence[Any]) -> None:
        if self.type() != QgsProcessingGui.WidgetType.Standard:
            return
        for wrapper in wrappers:
            if wrapper.parameterDefinition().name() == "INPUT":
                wrapper.widgetValueHasChanged.connect(self._take_layer)
                self._take_layer(wrapper)

    def setValue(self, value: Any) -> None:
        text = "" if value is None else str(value)
        if isinstance(self.widget, QLineEdit):
            self.widget.setText(text)
            return
        for box, number in zip(self._boxes, text.replace(" ", "").split(",")):
            index = box.findData(int(number)) if number.isdecimal() else -1
            box.setCurrentIndex(max(index, 0))

    def value(self) -> str:
        if isinstance(self.widget, QLineEdit):
            return self.widget.text()
        numbers = [box.currentData() for box in self._boxes]
        return "" if None in numbers else ",".join(map(str, numbers))

    def _take_layer(self, wrapper: Any) -> None:
        context = QgsProcessingContext()
        context.setProject(QgsProject.instance())
        definition = wrapper.parameterDefinition()
        self._fill(
            QgsProcessingParameters.parameterAsRasterLayer(
                definition, {definition.name(): wrapper.parameterValue()}, context
            )
        )

    def _fill(self, layer: QgsRasterLayer | None) -> None:
        """List the bands of a layer, and choose those that their names tell."""
        read = read_layer(layer) if layer is not None and layer.isValid() else None
        names = read.bands if read else []
        found = preset(names, read.colours) if read else None
        for position, box in enumerate(self._boxes):
            box.blockSignals(True)
            box.clear()
            box.addItem("by its name", None)
            for number, name in enumerate(names, 1):
                box.addItem(f"{number} {described(name)}".strip(), number)
            if found and found.numbers:
                box.setCurrentIndex(found.numbers[position])
            box.blockSignals(False)
        self._why.setText(f"<i>{found.why}</i>" if found else "")
        self.widgetValueHasChanged.emit(self)


class ModelWidget(WidgetWrapper):
    """A list of models with their cards as tooltips; other names can be typed."""

    def createWidget(self) -> QWidget:
        self.box = QComboBox()
        self.box.setEditable(True)
        self.box.addItems(list(models.KNOWN))
        self.box.currentTextChanged.connect(lambda _text: self._changed())
        self._told: dict[str, Any] | None = None
        self._ask()
        if self.type() != QgsProcessingGui.WidgetType.Standard:
            return self.box
        # QGIS gives the widget a tooltip of its own; the card is that of the list in it
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.box)
        return widget

    def setValue(self, value: Any) -> None:
        self.box.setCurrentText("default" if value is None else str(value))

    def value(self) -> str:
        return self.box.currentText().strip()

    def _ask(self) -> None:
        """Ask the command for its models, without keeping the dialog waiting."""
        try:
            command = the_command()
        except Problem as problem:
            self.box.setToolTip(str(problem))
            return
        if models.known(command) is None:
            # it says at a run what is wrong with it, if anything is
            threading.Thread(target=_silently, args=(command,), daemon=True).start()
        timer = QTimer(self.box)

        def look() -> None:
            found = models.known(command)
            if found is not None:
                timer.stop()
                self._show(found)

        timer.timeout.connect(look)
        timer.start(300)
        look()

    def _show(self, told: dict[str, Any]) -> None:
        box, before = self.box, self.value()
        self._told = told
        box.blockSignals(True)
        box.clear()
        for model in told["models"]:
            box.addItem(str(model["model"]))
            index = box.count() - 1
            box.setItemData(index, models.tooltip(model), Qt.ItemDataRole.ToolTipRole)
        box.setCurrentText(before)
        box.blockSignals(False)
        self._changed()

    def _changed(self) -> None:
        chosen = self.box.currentText()
        for model in (self._told or {}).get("models", []):
            if model["model"] == chosen:
                self.box.setToolTip(models.tooltip(model))
        self.widgetValueHasChanged.emit(self)


def _silently(command: Any) -> None:
    try:
        models.ask(command)
    except Problem:
        return
