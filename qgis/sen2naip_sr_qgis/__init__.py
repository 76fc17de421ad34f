"""QGIS plugin: doubles the resolution of raster layers with the command ``sen2naip-sr``.

The command runs as a child process in its own environment, or on a server. Nothing is installed
into, or imported from, the Python of QGIS but QGIS itself.
"""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """Return the plugin; QGIS calls this when it loads it. Without a window, ``iface`` is None."""
    from sen2naip_sr_qgis.plugin import Plugin

    return Plugin(iface)
