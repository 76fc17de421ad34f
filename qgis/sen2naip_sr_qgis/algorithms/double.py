"""Double the resolution: a layer in, a GeoTIFF with half the pixel size out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsRasterLayer,
)

from sen2naip_sr_qgis.algorithms.area import area_of
from sen2naip_sr_qgis.algorithms.base import Base, Progress, asking, read_layer, the_command
from sen2naip_sr_qgis.algorithms.help import DOUBLE, PARAMETERS
from sen2naip_sr_qgis.core import bands as band_names
from sen2naip_sr_qgis.core import child
from sen2naip_sr_qgis.core.options import Options, arguments, interval_of
from sen2naip_sr_qgis.core.problems import Problem
from sen2naip_sr_qgis.core.results import check_outputs, making, put
from sen2naip_sr_qgis.core.setting_up import shown
from sen2naip_sr_qgis.core.sources import is_uploadable, source_of
from sen2naip_sr_qgis.gui.drawing import DrawnAlike
from sen2naip_sr_qgis.provider import SERVER, server_of, setting

ADVANCED = (
    Qgis.ProcessingParameterFlag.Advanced
    if hasattr(Qgis, "ProcessingParameterFlag")
    else QgsProcessingParameterDefinition.Flag.FlagAdvanced
)
"""Marks parameters for experts; QGIS 3.36 has renamed it."""


class Double(Base):
    """Upscales a layer twofold with a trained network."""

    ID = "double_resolution"
    TITLE = "Double the resolution"
    SHORT = "Doubles the resolution of a raster layer with a trained network"
    HELP = DOUBLE
    TAGS = ("sentinel-2", "naip", "network", "resample")

    def initAlgorithm(self, configuration: Any = None) -> None:
        for parameter, advanced in _parameters():
            parameter.setHelp(PARAMETERS[parameter.name()])
            if advanced:
                parameter.setFlags(parameter.flags() | ADVANCED)
            self.addParameter(parameter)

    def checkParameterValues(self, parameters: dict[str, Any], context: Any) -> tuple[bool, str]:
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        try:
            if layer is not None:
                source_of(read_layer(layer))
                text = self.parameterAsString(parameters, "BANDS", context)
                band_names.parse(text, layer.bandCount())
        except Problem as problem:
            return False, str(problem)
        return super().checkParameterValues(parameters, context)

    def prepare(self, parameters: dict[str, Any], context: Any, feedback: Any) -> None:
        layer = self.parameterAsRasterLayer(parameters, "INPUT", context)
        if layer is None:
            raise QgsProcessingException(self.invalidRasterError(parameters, "INPUT"))
        self._layer = read_layer(layer)
        self._source = source_of(self._layer)
        self._options = self._read_options(parameters, context, feedback, layer)
        self._alike = DrawnAlike(layer, self._options.bands or self._all_bands())

    def process(self, parameters: dict[str, Any], context: Any, feedback: Any) -> dict[str, Any]:
        target = Path(self.parameterAsOutputLayer(parameters, "OUTPUT", context))
        places = {"OUTPUT": target}
        # batches hand on an empty place where none is wanted
        if interval := self.parameterAsOutputLayer(parameters, "INTERVAL", context):
            places["INTERVAL"] = Path(interval)
        self._options = replace(self._options, uncertainty="INTERVAL" in places)
        check_outputs(places.values(), self._source)
        url = self.parameterAsString(parameters, "SERVER", context).strip() or setting(SERVER)
        with making(target.parent) as folder:
            made = {"OUTPUT": folder / target.name}
            if "INTERVAL" in places:
                made["INTERVAL"] = interval_of(made["OUTPUT"])
            progress = Progress(feedback, {f"{folder}{os.sep}": f"{target.parent}{os.sep}"})
            try:
                work = self._on_server if url else self._here
                work(url, made, progress, feedback)
            except Problem as problem:
                raise Problem(progress.shown(problem.problem), problem.remedy) from problem
            if feedback.isCanceled():
                raise child.Cancelled
            for name, file in made.items():
                if not file.is_file():
                    raise Problem(f"The result '{name}' was not made.", "see the log")
            put({made[name]: place for name, place in places.items()})
        self._alike.use(context, target, f"{self._layer.name} x2")
        return {name: str(place) for name, place in places.items()}

    def _here(self, _url: str, made: dict[str, Path], progress: Progress, feedback: Any) -> None:
        line = arguments(the_command(), self._source, made["OUTPUT"], self._options)
        feedback.pushCommandInfo(progress.shown(shown(line)))
        child.run(line, progress.told, progress.said, asking(feedback))

    def _on_server(
        self, url: str, made: dict[str, Path], progress: Progress, feedback: Any
    ) -> None:
        if not is_uploadable(self._source):
            raise Problem(
                f"The layer '{self._layer.name}' is no file that a server takes (GeoTIFF, "
                "JPEG 2000, PNG, JPEG).",
                "export it as GeoTIFF first, or empty the address of the server to work here",
            )
        parts = {"OUTPUT": "result", "INTERVAL": "interval"}
        server_of(url).upscale(
            Path(self._source),
            self._options.query(),
            {parts[name]: file for name, file in made.items()},
            told=progress.told,
            said=progress.said,
            cancelled=asking(feedback),
        )

    def _all_bands(self) -> Sequence[int]:
        return range(1, len(self._layer.bands) + 1)

    def _read_options(
        self, parameters: dict[str, Any], context: Any, feedback: Any, layer: QgsRasterLayer
    ) -> Options:
        def text(name: str) -> str:
            return self.parameterAsString(parameters, name, context).strip()

        def flag(name: str) -> bool:
            return self.parameterAsBoolean(parameters, name, context)

        def number(name: str) -> float | None:
            given = parameters.get(name) is not None
            return self.parameterAsDouble(parameters, name, context) if given else None

        threads = number("THREADS")
        weights = text("WEIGHTS")
        return Options(
            model=text("MODEL") or "default",
            weights=weights,
            bands=self._bands(text("BANDS"), bool(weights), feedback),
            value_range=text("RANGE") or "auto",
            noise=text("NOISE") or "auto",
            blur=text("BLUR") or "auto",
            sharpness=text("SHARPNESS") or "auto",
            consistency=flag("CONSISTENCY"),
            ensemble=flag("ENSEMBLE"),
            nodata=number("NODATA"),
            drivers=text("DRIVERS"),
            threads=None if threads is None else int(threads),
            **area_of(self, parameters, context, layer),
        )

    def _bands(self, typed: str, own_weights: bool, feedback: Any) -> Sequence[int] | None:
        """Return the bands to take; None if they are all, in the file's order."""
        names = self._layer.bands
        numbers = band_names.parse(typed, len(names))
        if numbers is None and own_weights:
            return None
        if numbers is None:
            found = band_names.preset(names, self._layer.colours)
            numbers = band_names.require(found, self._layer.name, names)
            told = ", ".join(f"{role} {n}" for role, n in zip(band_names.ROLES, numbers))
            (feedback.pushInfo if found.named else feedback.pushWarning)(
                f"Bands, {found.why}: {told}"
            )
        return None if list(numbers) == list(self._all_bands()) else numbers


def _parameters() -> Sequence[tuple[QgsProcessingParameterDefinition, bool]]:
    """Return all parameters, and whether each is for experts."""
    widgets = "sen2naip_sr_qgis.gui.widgets"
    double, integer = (
        QgsProcessingParameterNumber.Type.Double,
        QgsProcessingParameterNumber.Type.Integer,
    )
    bands = QgsProcessingParameterString(
        "BANDS", "Bands: red, green, blue, near-infrared", "", optional=True
    )
    bands.setMetadata({"widget_wrapper": {"class": f"{widgets}.BandsWidget"}})
    model = QgsProcessingParameterString("MODEL", "Model", "default")
    model.setMetadata({"widget_wrapper": {"class": f"{widgets}.ModelWidget"}})
    number = QgsProcessingParameterNumber
    boolean = QgsProcessingParameterBoolean
    string = QgsProcessingParameterString
    return [
        (QgsProcessingParameterRasterLayer("INPUT", "Layer"), False),
        (bands, False),
        (model, False),
        (QgsProcessingParameterExtent("AREA", "Area", optional=True), False),
        (string("NOISE", "Noise", "auto"), False),
        (string("BLUR", "Blur", "auto"), False),
        (string("SHARPNESS", "Sharpness", "auto"), False),
        (boolean("CONSISTENCY", "Consistency", False), False),
        (string("RANGE", "Value range", "auto"), True),
        (boolean("ENSEMBLE", "Average over flips and turns", False), True),
        (
            QgsProcessingParameterFile(
                "WEIGHTS",
                "Own weights",
                QgsProcessingParameterFile.Behavior.File,
                optional=True,
                fileFilter="Weights (*.safetensors *.onnx)",
            ),
            True,
        ),
        (number("NODATA", "Value without data", double, optional=True), True),
        (number("THREADS", "Processor cores", integer, optional=True, minValue=1), True),
        (string("DRIVERS", "Drivers", "", optional=True), True),
        (string("SERVER", "Server", "", optional=True), True),
        (QgsProcessingParameterRasterDestination("OUTPUT", "Doubled"), False),
        (
            QgsProcessingParameterRasterDestination(
                "INTERVAL", "Uncertainty", optional=True, createByDefault=False
            ),
            False,
        ),
    ]
