"""Ingestion: cut the files of a source into chips and store them, in constant memory."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from rasterio.errors import NotGeoreferencedWarning

from sen2naip_sr.ahead import map_ahead
from sen2naip_sr.chips.cutting import UNREADABLE, Chip, Rejection, cut_chips
from sen2naip_sr.chips.store import StoreWriter, fingerprint_of, read_store, write_store
from sen2naip_sr.errors import UserError
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.raster.access.faults import RASTER_FAULTS
from sen2naip_sr.raster.bands import band_names
from sen2naip_sr.raster.protocol import PlacedScene
from sen2naip_sr.raster.scene import FileScene
from sen2naip_sr.raster.suspects import PlacedWithout, Suspects, suspects_in
from sen2naip_sr.sources import survey
from sen2naip_sr.sources.base import Source, SourceFile
from sen2naip_sr.sources.left_out import read_left_out
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.placement import why_not_placed
from sen2naip_sr.sources.places import assign_locations, assign_places

logger = logging.getLogger(__name__)

INGESTION_VERSION = 4
"""Raise it when the same files and parameters give another store."""

CHIPS_AT_ONCE = 8
"""Chips of a file that are read before any is written."""

NOT_RELEVANT = {"source", "path", "raw_folder", "sample", "sen2naip", "leave_out"}
"""Parameters that the source's own fingerprint covers, and the file whose content counts."""


@dataclass(frozen=True)
class Ingestion:
    """A chip store to be made: a source and how to cut it."""

    source: Source
    parameters: IngestionParameters

    def fingerprint(self) -> str:
        """Return a hash of everything that the store depends on; reads no file's content."""
        relevant = self.parameters.model_dump(exclude=NOT_RELEVANT)
        left_out = sorted(read_left_out(self.parameters.leave_out))
        return fingerprint_of(
            INGESTION_VERSION,
            self.source.kind,
            self.source.fingerprint(),
            relevant,
            *[left_out] * bool(left_out),
        )

    def make(self, folder: Path) -> None:
        """Make the chip store in ``folder``, unless it is up to date.

        The store holds the chips in the files' dtype, a table ``index`` with a row per chip, and a
        table ``rejected`` with a row per unusable file or chip, its reason and its remedy.

        Raises:
            UserError: If no chip can be used, or the value range is unknown.
            OSError: If the store cannot be written; the old store stays.
        """
        fingerprint = self.fingerprint()
        if read_store(folder, fingerprint) is not None:
            return
        # filters belong to the process: set here, they also apply in the reading threads
        with warnings.catch_warnings(), survey.environment():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            self._make(folder, fingerprint)

    def _make(self, folder: Path, fingerprint: str) -> None:
        files = self.source.files()
        layout = survey.settle_layout(files, self.parameters)
        value_range = value_range_of(layout.dtype, self.parameters)
        size = _reduced_size(layout.chip_size, self.parameters.reduce)
        shape = (layout.bands, size, size)
        with write_store(folder, fingerprint, shape, layout.dtype) as writer:
            written = _Written(writer, left_out=read_left_out(self.parameters.leave_out))
            with progress_bar() as bar:
                progress = bar.add_task("Ingesting", total=len(files), status="")
                read = partial(_read, layout=layout, parameters=self.parameters)
                for reading in map_ahead(read, files, survey.enter_environment):
                    written.add(reading, reading.results)
                    for results in _read_rest(reading, layout, self.parameters):
                        written.add(reading, results)
                    bar.advance(progress)
            written.warn_of_fill()
            if not written.rows:
                raise survey.nothing_usable(written.rejected)
            index = pd.DataFrame(written.rows)
            index["place"] = assign_places(index, self.parameters)
            index["location"] = assign_locations(index, self.parameters)
            writer.tables = {"index": index, "rejected": _rejected_table(written.rejected)}
            writer.content = fingerprint_of(index["digest"].tolist())
            writer.attributes = {
                "source": self.source.kind,
                "synthetic": self.source.synthetic,
                "value_range": value_range,
                "bands": written.bands,
            }


def value_range_of(dtype: np.dtype[np.generic], parameters: IngestionParameters) -> list[float]:
    """Return the given value range, or that of the integer dtype.

    Raises:
        UserError: If the data are floats and no range is given.
    """
    if parameters.value_range is not None:
        return list(parameters.value_range)
    if not np.issubdtype(dtype, np.integer):
        raise UserError(
            "value-range-unknown",
            f"the files hold {dtype} pixels, which have no value range of their own",
            "give the values that stand for 0 and 1",
        )
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    return [float(limits.min), float(limits.max)]


def _reduced_size(size: int, factor: int) -> int:
    """Return the side of downsampled chips; a `UserError` if it is odd, and so cannot be halved."""
    if size % (2 * factor):
        raise UserError(
            "chip-size-invalid",
            f"chips of {size} x {size} pixels cannot be downsampled by {factor} and then by 2",
            f"choose a chip size that is a multiple of {2 * factor}, or another factor",
        )
    return size // factor


@dataclass(frozen=True)
class _Reading:
    """The first chips of a file, and the windows of the others."""

    file: SourceFile
    results: list[Chip | Rejection]
    header: survey.Header | None = None
    bands: tuple[str, ...] = ()
    sha256: str = ""
    fill: Suspects = field(default_factory=Suspects)
    rest: list[tuple[int, int]] = field(default_factory=list)


def _read(file: SourceFile, layout: survey.Layout, parameters: IngestionParameters) -> _Reading:
    """Read the first chips of a file, for most files all; runs in threads."""
    try:
        with file.open() as raster:
            header = survey.read_header(file.name, raster, parameters)
            why = (
                survey.why_unusable(header, parameters)
                or survey.why_different(header, layout)
                or why_not_placed(raster)
            )
            if why:
                return _Reading(file, [why])
            windows = layout.windows(header)
            first, rest = windows[:CHIPS_AT_ONCE], windows[CHIPS_AT_ONCE:]
            scene = survey.scene_in(file.name, raster, parameters)
            names = band_names(scene.bands)
            fill = _fill_of(scene)
            chips = _cut(scene, fill, first, layout, parameters)
            return _Reading(file, chips, header, names, file.sha256(), fill, rest)
    except RASTER_FAULTS as error:
        return _Reading(file, [survey.unreadable(error)])
    except UserError as error:
        return _Reading(file, [Rejection(error.problem, error.remedy)])


def _fill_of(scene: FileScene) -> Suspects:
    try:
        return suspects_in(scene)
    except UNREADABLE:
        # the chips there are rejected, and the others are not
        return Suspects()


def _cut(
    scene: FileScene,
    fill: Suspects,
    windows: Sequence[tuple[int, int]],
    layout: survey.Layout,
    parameters: IngestionParameters,
) -> list[Chip | Rejection]:
    p = parameters
    shown: PlacedScene = PlacedWithout(scene, fill.values) if fill else scene
    return cut_chips(shown, windows, layout.chip_size, p.min_valid_fraction, p.reduce)


def _read_rest(
    reading: _Reading, layout: survey.Layout, parameters: IngestionParameters
) -> Iterator[list[Chip | Rejection]]:
    """Yield the other chips of a large file, a few at a time.

    The file stays open, since a strip that crosses many chips is decoded only once while GDAL's
    block cache lives.
    """
    if not reading.rest:
        return
    try:
        with reading.file.open() as raster:
            scene = survey.scene_in(reading.file.name, raster, parameters)
            for start in range(0, len(reading.rest), CHIPS_AT_ONCE):
                windows = reading.rest[start : start + CHIPS_AT_ONCE]
                yield _cut(scene, reading.fill, windows, layout, parameters)
    except RASTER_FAULTS as error:
        yield [survey.unreadable(error)]
    except UserError as error:
        yield [Rejection(error.problem, error.remedy)]


@dataclass
class _Written:
    """Appends chips to a store, and keeps the rows of its tables."""

    writer: StoreWriter
    rows: list[dict[str, object]] = field(default_factory=list)
    rejected: list[tuple[str, Rejection]] = field(default_factory=list)
    first_with: dict[bytes, str] = field(default_factory=dict)
    bands: list[str] = field(default_factory=list)
    fill: dict[str, Suspects] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    def warn_of_fill(self) -> None:
        """Name values that look like nodata that is not declared, once for all files."""
        if self.fill:
            name, first = next(iter(self.fill.items()))
            more = f" (and {len(self.fill) - 1} more files)" if len(self.fill) > 1 else ""
            logger.warning("%s%s: %s", name, more, first.message)

    def add(self, reading: _Reading, results: list[Chip | Rejection]) -> None:
        name = reading.file.name
        if reading.fill:
            self.fill[name] = reading.fill
        for result in results:
            if isinstance(result, Rejection):
                self.rejected.append((name, result))
            elif result.digest.hex() in self.left_out:
                why = "is on the list of chips to leave out", "take it off the list"
                self.rejected.append((name, Rejection(*why, result.row, result.column)))
            elif result.digest in self.first_with:
                reason = f"has the same pixels as {self.first_with[result.digest]}"
                remedy = "remove one of the two; the first one is used"
                again = Rejection(reason, remedy, result.row, result.column)
                self.rejected.append((name, again))
            else:
                self.first_with[result.digest] = name
                self.bands = self.bands or list(reading.bands)
                self.writer.append(result.pixels, result.valid)
                self.rows.append(_index_row(len(self.rows), reading, result))


def _index_row(number: int, reading: _Reading, chip: Chip) -> dict[str, object]:
    size = chip.pixels.shape[-1]
    a, b, left, d, e, top = chip.transform
    xs = [left, left + a * size, left + b * size, left + (a + b) * size]
    ys = [top, top + d * size, top + e * size, top + (d + e) * size]
    return {
        "chip": number,
        "file": reading.file.name,
        "sha256": reading.sha256,
        "row": chip.row,
        "column": chip.column,
        "left": min(xs),
        "bottom": min(ys),
        "right": max(xs),
        "top": max(ys),
        "transform": json.dumps(chip.transform),
        "crs": reading.header.crs if reading.header else "",
        "valid_fraction": chip.valid_fraction,
        "digest": chip.digest.hex(),
    }


def _rejected_table(rejected: list[tuple[str, Rejection]]) -> pd.DataFrame:
    table = pd.DataFrame(
        [(name, why.row, why.column, why.reason, why.remedy) for name, why in rejected],
        columns=["file", "row", "column", "reason", "remedy"],
    )
    return table.astype({"row": "Int64", "column": "Int64"})
