"""The plugin: its algorithms, a menu, and on first use the offer to set the command up."""

from __future__ import annotations

from typing import Any

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QPushButton

from sen2naip_sr_qgis.core.command import find_command
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.provider import COMMAND, ID, SERVER, Provider, icon, setting

try:
    from qgis.PyQt.QtGui import QAction  # Qt 6
except ImportError:
    from qgis.PyQt.QtWidgets import QAction  # Qt 5

MENU = "Double the resolution"
ENTRIES = {
    "double_resolution": ("Double the resolution...", "double"),
    "what_is_this": ("What is this scene...", "what_is_this"),
    "check": ("Check the command...", "check"),
    "set_up": ("Set up the command...", "set_up"),
}


class Plugin:
    """What QGIS loads.

    Args:
        iface: The window of QGIS; None in ``qgis_process``.
    """

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._provider: Provider | None = None
        self._actions: list[QAction] = []
        self._offered: Any = None

    def initProcessing(self) -> None:
        """Add the algorithms."""
        self._provider = Provider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Add the algorithms and the menu; offer to set the command up if there is none."""
        self.initProcessing()
        for name, (text, picture) in ENTRIES.items():
            action = QAction(icon(picture), text, self._iface.mainWindow())
            action.triggered.connect(lambda _=False, name=name: self._open(name))
            self._iface.addPluginToRasterMenu(MENU, action)
            self._actions.append(action)
        try:
            if not setting(SERVER):
                find_command(setting(COMMAND))
        except Problem:
            self._offer()

    def unload(self) -> None:
        """Take everything away."""
        for action in self._actions:
            self._iface.removePluginRasterMenu(MENU, action)
        self._actions.clear()
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None

    def _open(self, name: str) -> None:
        from processing import execAlgorithmDialog

        execAlgorithmDialog(f"{ID}:{name}")

    def _offer(self) -> None:
        """Say that there is no command, with a button that opens what sets it up."""
        bar = self._iface.messageBar()
        message = bar.createMessage(MENU, "The command sen2naip-sr is not installed.")
        button = QPushButton("Set it up...")
        # not at once: the click is not over, and the button goes with its message
        button.clicked.connect(self._accept_later)
        message.layout().addWidget(button)
        self._offered = bar.pushWidget(message, Qgis.MessageLevel.Info)

    def _accept_later(self, _checked: bool = False) -> None:
        QTimer.singleShot(0, self._accept)

    def _accept(self) -> None:
        self._iface.messageBar().popWidget(self._offered)
        self._open("set_up")
