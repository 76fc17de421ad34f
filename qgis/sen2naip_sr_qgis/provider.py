"""The group of algorithms in the toolbox, and its settings."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider, QgsSettings
from qgis.PyQt.QtGui import QIcon

from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.server import Server

ID = "sen2naip_sr"
ICONS = Path(__file__).parent / "icons"

COMMAND = "SEN2NAIP_SR_COMMAND"
SERVER = "SEN2NAIP_SR_SERVER"
TOKEN_FILE = "SEN2NAIP_SR_TOKEN_FILE"
SETTINGS = {
    COMMAND: "Command sen2naip-sr, or the folder of its environment (empty: search)",
    SERVER: "Address of a server that does the work instead (empty: this computer)",
    TOKEN_FILE: "File with the token that the server wants",
}


def icon(name: str) -> QIcon:
    """Return an icon of the plugin."""
    return QIcon(str(ICONS / f"{name}.svg"))


def setting(name: str) -> str:
    """Return a setting as text; empty if it is not set."""
    return str(QgsSettings().value(f"Processing/Configuration/{name}", "") or "").strip()


def server_of(url: str) -> Server:
    """Return a server with the token that the settings name.

    Raises:
        Problem: If the token cannot be read, or the address is none.
    """
    file = setting(TOKEN_FILE)
    if not file:
        return Server(url)
    try:
        return Server(url, Path(file).read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise Problem(
            f"The token in {file} cannot be read: {error}.", "check the setting"
        ) from error


class Provider(QgsProcessingProvider):
    """The algorithms of this plugin."""

    def id(self) -> str:
        return ID

    def name(self) -> str:
        return "sen2naip_sr"

    def longName(self) -> str:
        return "Double the resolution (sen2naip_sr)"

    def icon(self) -> QIcon:
        return icon("double")

    def load(self) -> bool:
        self._add_settings()
        return super().load()

    def unload(self) -> None:
        try:
            from processing.core.ProcessingConfig import ProcessingConfig
        except ImportError:
            return
        for name in SETTINGS:
            ProcessingConfig.removeSetting(name)

    def loadAlgorithms(self) -> None:
        from sen2naip_sr_qgis.algorithms.check import Check
        from sen2naip_sr_qgis.algorithms.double import Double
        from sen2naip_sr_qgis.algorithms.set_up import SetUp
        from sen2naip_sr_qgis.algorithms.what_is_this import WhatIsThis

        for kind in (Double, WhatIsThis, Check, SetUp):
            self.addAlgorithm(kind())

    def defaultRasterFileExtension(self) -> str:
        return "tif"

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        return ["tif", "tiff"]

    def _add_settings(self) -> None:
        try:
            from processing.core.ProcessingConfig import ProcessingConfig, Setting
        except ImportError:
            # without the Processing plugin there is no page for them; their values are still read
            return
        ProcessingConfig.settingIcons[self.name()] = self.icon()
        for name, description in SETTINGS.items():
            ProcessingConfig.addSetting(Setting(self.name(), name, description, ""))
        ProcessingConfig.readSettings()
