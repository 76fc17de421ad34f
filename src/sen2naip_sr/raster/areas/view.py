"""A part of a scene as a scene, and the target that takes only this part."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sen2naip_sr.arrays import Array
from sen2naip_sr.raster.areas.area import Area

if TYPE_CHECKING:
    from pathlib import Path

    from sen2naip_sr.raster.bands import Band
    from sen2naip_sr.raster.georeferencing import Georeferencing
    from sen2naip_sr.raster.protocol import MarkedScene, Target
    from sen2naip_sr.raster.scene import FileScene
    from sen2naip_sr.raster.tags import Tags


class AreaScene:
    """A part of a scene as a scene that marks what lies outside of the polygons.

    It marks it as the scene marks invalid pixels. A scene that marks none gets a mask or, if it
    holds floats, NaN.

    Args:
        scene: The whole scene.
        area: The part.

    Attributes:
        height: Rows.
        width: Columns.
        dtype: The scene's dtype.
        masked: Whether there is a mask besides nodata values and the alpha band.
    """

    def __init__(self, scene: "MarkedScene", area: Area) -> None:
        self._scene, self.area = scene, area
        self.height, self.width, self.dtype = area.height, area.width, scene.dtype
        unmarked = scene.alpha is None and not any(value is not None for value in scene.nodata)
        masks = area.polygons is not None and unmarked and scene.dtype.kind != "f"
        self.masked = scene.masked or masks

    @property
    def name(self) -> str:
        """The scene's name."""
        return self._scene.name

    @property
    def count(self) -> int:
        """The number of bands."""
        return self._scene.count

    @property
    def nodata(self) -> tuple[float | None, ...]:
        """Each band's nodata value."""
        return self._scene.nodata

    @property
    def alpha(self) -> Any:
        """The alpha band; None if there is none."""
        return self._scene.alpha

    @property
    def outside(self) -> Array:
        """(C,): what pixels outside of the polygons hold."""
        blank = np.nan if self.dtype.kind == "f" and not self.masked and self.alpha is None else 0
        return np.array([blank if value is None else value for value in self.nodata])

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Array, Array]:
        """Return values and validity of a window of the part, both (C, h, w)."""
        return self._scene.read(self.area.top + top, self.area.left + left, height, width)


class AreaFile(AreaScene):
    """A part of a file's scene, with the file's metadata and its own place on the ground.

    Args:
        scene: The whole scene.
        area: The part.
    """

    def __init__(self, scene: "FileScene", area: Area) -> None:
        super().__init__(scene, area)
        self._file = scene

    @property
    def path(self) -> "Path | str":
        """The file."""
        return self._file.path

    @property
    def files(self) -> "tuple[Path, ...]":
        """All files that it consists of."""
        return self._file.files

    @property
    def bands(self) -> "tuple[Band, ...]":
        """The chosen image bands."""
        return self._file.bands

    @property
    def tags(self) -> "Tags":
        """Tags of the file."""
        return self._file.tags

    @cached_property
    def georeferencing(self) -> "Georeferencing":
        """The georeferencing of the part."""
        return self._file.georeferencing.cropped(self.area.top, self.area.left)

    def read_alpha(self, top: int, left: int, height: int, width: int) -> Array:
        """Return a window of the alpha band."""
        return self._file.read_alpha(self.area.top + top, self.area.left + left, height, width)


class AreaTarget:
    """Takes the windows of the whole scene's result, and writes what lies in the part.

    Args:
        target: The target of the part.
        scene: The part.
    """

    def __init__(self, target: "Target", scene: AreaScene) -> None:
        self._target, self._area, self._outside = target, scene.area, scene.outside

    def write(self, top: int, left: int, values: Array, valid: Array) -> None:
        """Write a window, given in pixels of the whole scene's result."""
        area, (height, width) = self._area, values.shape[1:]
        first, start, rows_wanted, columns_wanted = area.refined(*area.window)
        last, end = first + rows_wanted, start + columns_wanted
        rows = slice(max(0, first - top), min(height, last - top))
        columns = slice(max(0, start - left), min(width, end - left))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        values, valid = values[:, rows, columns], valid[:, rows, columns]
        top, left = top + rows.start, left + columns.start
        if area.polygons is not None:
            inside = area.inside(top, left, *values.shape[1:])
            blank = self._outside.astype(values.dtype)[:, np.newaxis, np.newaxis]
            values, valid = np.where(inside, values, blank), valid & inside
        self._target.write(top - first, left - start, values, valid)
