"""The options of an upscaling, as the command and as a server take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sen2naip_sr_qgis.core.problems import Problem

AUTO = "auto"


@dataclass(frozen=True)
class Options:
    """How to upscale; what is left at its default is not passed on.

    Attributes:
        model: A name of shipped weights.
        weights: A file of own weights, instead.
        bands: Red, green, blue, near-infrared by number; None: all, as they are.
        value_range: auto, dtype or LOW:HIGH.
        noise, blur, sharpness: auto or a number; blur also recipe.
        consistency, ensemble: Whether they are wanted.
        uncertainty: Whether the half-widths of the intervals are wanted.
        window: Column, row, width and height of the area; None: all.
        bbox: Left, bottom, right and top of the area in the scene's coordinates; None: all.
        bbox_crs: Their coordinate system; None: the scene's own.
        nodata: The value without data; None: what the file declares.
        drivers: GDAL's drivers to allow besides the usual ones, separated by commas.
        threads: Processor cores; None: all.
    """

    model: str = "default"
    weights: str = ""
    bands: Sequence[int] | None = None
    value_range: str = AUTO
    noise: str = AUTO
    blur: str = AUTO
    sharpness: str = AUTO
    consistency: bool = False
    ensemble: bool = False
    uncertainty: bool = False
    window: Sequence[int] | None = None
    bbox: Sequence[float] | None = None
    bbox_crs: str | None = None
    nodata: float | None = None
    drivers: str = ""
    threads: int | None = None

    def flags(self) -> list[str]:
        """Return them as the command takes them."""
        values = {
            "--model": self.model if self.model != "default" and not self.weights else "",
            "--weights": self.weights,
            "--drivers": self.drivers,
            "--threads": "" if self.threads is None else str(self.threads),
            **{f"--{name.replace('_', '-')}": text for name, text in self._common().items()},
        }
        flags = [f"{name}={text}" for name, text in values.items() if text]
        if self.consistency:
            flags.append("--consistency=on")
        switches = {"--ensemble": self.ensemble, "--uncertainty": self.uncertainty}
        return flags + [name for name, wanted in switches.items() if wanted]

    def query(self) -> dict[str, str]:
        """Return them as a server takes them.

        Raises:
            Problem: If there is one that a server does not take.
        """
        given = {"Own weights": self.weights, "Drivers": self.drivers}
        for name, value in given.items():
            if value:
                raise Problem(
                    f"A server does not take the parameter '{name}'.", "leave it out, or the server"
                )
        switches = {
            "consistency": self.consistency,
            "ensemble": self.ensemble,
            "uncertainty": self.uncertainty,
        }
        return {
            "model": self.model,
            **{name: text for name, text in self._common().items() if text},
            **{name: "true" for name, wanted in switches.items() if wanted},
        }

    def _common(self) -> dict[str, str]:
        """Return what both take under the same name; an empty text: left at its default."""
        return {
            "bands": _listed(self.bands),
            "nodata": "" if self.nodata is None else f"{self.nodata:.17g}",
            "range": _given(self.value_range),
            "noise": _given(self.noise),
            "blur": _given(self.blur),
            "sharpness": _given(self.sharpness),
            "window": _listed(self.window),
            "bbox": "" if self.bbox is None else ",".join(f"{n:.17g}" for n in self.bbox),
            "bbox_crs": self.bbox_crs or "" if self.bbox is not None else "",
        }


def arguments(command: Path, source: str, target: Path, options: Options) -> list[str]:
    """Return the command line that upscales one source."""
    return [
        str(command), "upscale", f"--output={target}", "--progress=json", *options.flags(),
        "--", source,
    ]  # fmt: skip


def interval_of(target: Path) -> Path:
    """Return where the command writes the intervals of a result."""
    stem = target.stem
    stem = f"{stem[:-3]}_x2_interval" if stem.endswith("_x2") else f"{stem}_interval"
    return target.with_name(f"{stem}.tif")


def _given(text: str) -> str:
    text = text.strip()
    return "" if text == AUTO else text


def _listed(numbers: Sequence[int] | None) -> str:
    return "" if numbers is None else ",".join(map(str, numbers))
