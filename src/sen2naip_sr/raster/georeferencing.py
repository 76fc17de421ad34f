"""What places a raster on the ground: transform, ground control points or an RPC model."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.rpc import RPC


@dataclass(frozen=True)
class Georeferencing:
    """Where pixels lie, in GDAL's convention: (0, 0) is the corner of the first pixel.

    Attributes:
        transform: From (column, row) to the coordinates of ``crs``; identity if there is none.
        crs: The coordinate system of ``transform``.
        gcps: Ground control points.
        gcps_crs: Their coordinate system.
        rpcs: Rational polynomial coefficients. They alone count from the centre of the first pixel.
    """

    transform: Affine
    crs: CRS | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: CRS | None = None
    rpcs: RPC | None = None

    @classmethod
    def of(cls, source: DatasetReader) -> "Georeferencing":
        """Read what an open dataset has."""
        gcps, gcps_crs = source.gcps
        return cls(source.transform, source.crs, tuple(gcps), gcps_crs, source.rpcs)

    @property
    def known(self) -> bool:
        """Whether anything places the pixels on the ground."""
        return bool(not self.transform.is_identity or self.gcps or self.rpcs)

    def refined(self, factor: int) -> "Georeferencing":
        """Return the same ground for pixels that are ``factor`` times smaller."""
        transform = self.transform
        if not transform.is_identity:
            transform = transform @ Affine.scale(1 / factor)
        gcps = tuple(_moved(point, factor, 0) for point in self.gcps)
        rpcs = None if self.rpcs is None else _refined_rpcs(self.rpcs, factor)
        return Georeferencing(transform, self.crs, gcps, self.gcps_crs, rpcs)

    def write(self, target: DatasetWriter) -> None:
        """Write it into a dataset, control points apart: see `write_gcps`."""
        if self.crs is not None:
            target.crs = self.crs
        if not self.transform.is_identity:
            target.transform = self.transform
        if self.rpcs is not None:
            target.rpcs = self.rpcs

    def write_gcps(self, path: Path) -> None:
        """Write the control points into a GeoTIFF that is complete but for them.

        A GeoTIFF holds either a transform or control points; the transform is the exact one.
        """
        if not self.gcps or not self.transform.is_identity:
            return
        _set_gcps(path, self.gcps, self.gcps_crs)
        # GDAL moves the points of an AREA_OR_POINT=Point file half a pixel the wrong way when it
        # updates one, though not when it copies one: what it reads again tells whether it did
        with quietly_opened(path) as source:
            shift = source.gcps[0][0].row - self.gcps[0].row
        if shift:
            _set_gcps(path, tuple(_moved(p, 1, -shift) for p in self.gcps), self.gcps_crs)


def _moved(point: GroundControlPoint, factor: float, shift: float) -> GroundControlPoint:
    row, column = point.row * factor + shift, point.col * factor + shift
    return GroundControlPoint(row, column, point.x, point.y, point.z, point.id, point.info)


def _refined_rpcs(rpcs: RPC, factor: int) -> RPC:
    """Return RPCs for finer pixels.

    They count from pixel centres: a line l lies l + 1/2 pixels below the corner of the image, so
    the finer image has it at factor (l + 1/2) - 1/2.
    """
    values = rpcs.to_dict()
    for axis in ("line", "samp"):
        values[f"{axis}_off"] = factor * (values[f"{axis}_off"] + 0.5) - 0.5
        values[f"{axis}_scale"] *= factor
    return RPC(**values)


def _set_gcps(path: Path, gcps: tuple[GroundControlPoint, ...], crs: CRS | None) -> None:
    with quietly_opened(path, "r+") as target:
        target.gcps = (list(gcps), crs or CRS())


def quietly_opened(path: Path, mode: str = "r", **options: Any) -> Any:
    """Open a dataset as rasterio does, but without a warning if nothing places it on the ground."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode, **options)
