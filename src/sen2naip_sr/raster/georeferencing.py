"""Georeferencing of a raster: a transform, ground control points or an RPC model."""

from dataclasses import dataclass
from pathlib import Path

from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.rpc import RPC

from sen2naip_sr.raster.access.opening import open_own


@dataclass(frozen=True)
class Georeferencing:
    """The position of pixels, in GDAL's convention: (0, 0) is the corner of the first pixel.

    Attributes:
        transform: From (column, row) to the coordinates of ``crs``; identity if there is none.
        crs: The coordinate system of ``transform``.
        gcps: Ground control points.
        gcps_crs: Their coordinate system.
        rpcs: Rational polynomial coefficients. In them (0, 0) is the centre of the first pixel.
    """

    transform: Affine
    crs: CRS | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: CRS | None = None
    rpcs: RPC | None = None

    @classmethod
    def of(cls, source: DatasetReader) -> "Georeferencing":
        """Read the georeferencing of an open dataset."""
        gcps, gcps_crs = source.gcps
        return cls(source.transform, source.crs, tuple(gcps), gcps_crs, source.rpcs)

    @property
    def known(self) -> bool:
        """Whether there is any georeferencing."""
        return bool(not self.transform.is_identity or self.gcps or self.rpcs)

    def refined(self, factor: int) -> "Georeferencing":
        """Return the georeferencing of the same footprint with pixels ``factor`` times smaller."""
        transform = self.transform
        if not transform.is_identity:
            transform = transform @ Affine.scale(1 / factor)
        gcps = tuple(_moved(point, factor, 0) for point in self.gcps)
        rpcs = None if self.rpcs is None else _refined_rpcs(self.rpcs, factor)
        return Georeferencing(transform, self.crs, gcps, self.gcps_crs, rpcs)

    def cropped(self, top: int, left: int) -> "Georeferencing":
        """Return the georeferencing of a part that begins at a row and a column."""
        transform = self.transform
        if not transform.is_identity:
            transform = transform @ Affine.translation(left, top)
        gcps = tuple(
            GroundControlPoint(p.row - top, p.col - left, p.x, p.y, p.z, p.id, p.info)
            for p in self.gcps
        )
        rpcs = None
        if self.rpcs is not None:
            values = self.rpcs.to_dict()
            values["line_off"] -= top
            values["samp_off"] -= left
            rpcs = RPC(**values)
        return Georeferencing(transform, self.crs, gcps, self.gcps_crs, rpcs)

    def write(self, target: DatasetWriter) -> None:
        """Write it to a dataset, except for control points: see `write_gcps`."""
        if self.crs is not None:
            target.crs = self.crs
        if not self.transform.is_identity:
            target.transform = self.transform
        if self.rpcs is not None:
            target.rpcs = self.rpcs

    def write_gcps(self, path: Path) -> None:
        """Write the control points to a GeoTIFF that is otherwise complete.

        A GeoTIFF holds either a transform or control points. The transform is exact and is kept.
        """
        if not self.gcps or not self.transform.is_identity:
            return
        _set_gcps(path, self.gcps, self.gcps_crs)
        # when GDAL updates a file with AREA_OR_POINT=Point, it moves the points half a pixel the
        # wrong way, but not when it copies one: reading the points again tells whether it did
        with open_own(path) as source:
            shift = source.gcps[0][0].row - self.gcps[0].row
        if shift:
            _set_gcps(path, tuple(_moved(p, 1, -shift) for p in self.gcps), self.gcps_crs)


def _moved(point: GroundControlPoint, factor: float, shift: float) -> GroundControlPoint:
    row, column = point.row * factor + shift, point.col * factor + shift
    return GroundControlPoint(row, column, point.x, point.y, point.z, point.id, point.info)


def _refined_rpcs(rpcs: RPC, factor: int) -> RPC:
    """Return RPCs for finer pixels.

    RPCs count from pixel centres: line l is l + 1/2 pixels below the corner of the image. In the
    finer image it is line factor (l + 1/2) - 1/2.
    """
    values = rpcs.to_dict()
    for axis in ("line", "samp"):
        values[f"{axis}_off"] = factor * (values[f"{axis}_off"] + 0.5) - 0.5
        values[f"{axis}_scale"] *= factor
    return RPC(**values)


def _set_gcps(path: Path, gcps: tuple[GroundControlPoint, ...], crs: CRS | None) -> None:
    with open_own(path, "r+") as target:
        target.gcps = (list(gcps), crs or CRS())
