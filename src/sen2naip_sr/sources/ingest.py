"""From a source to a chip store: survey, cut, check, write, in constant memory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from affine import Affine

from sen2naip_sr.errors import UserError
from sen2naip_sr.progress import progress_bar
from sen2naip_sr.raster.cutting import Chip, Rejection, chip_windows, cut_chips
from sen2naip_sr.raster.store import StoreWriter, fingerprint_of, read_store, write_store
from sen2naip_sr.sources.base import Source
from sen2naip_sr.sources.parameters import IngestionParameters
from sen2naip_sr.sources.places import assign_locations, assign_places
from sen2naip_sr.sources.survey import Header, Survey, map_ahead, survey

INGESTION_VERSION = 1
"""Raised when the same files and parameters would give another store."""

CHIPS_A_TASK = 8


@dataclass(frozen=True)
class Ingestion:
    """A chip store that is yet to be made: a source and how to cut it."""

    source: Source
    parameters: IngestionParameters

    def fingerprint(self) -> str:
        """Return what changes when the store would; reads headers of folders only."""
        relevant = self.parameters.model_dump(exclude={"source", "path", "raw_folder", "sample", "sen2naip"})
        return fingerprint_of(
            INGESTION_VERSION, self.source.kind, self.source.fingerprint(), relevant
        )

    def make(self, folder: Path) -> None:
        """Make the chip store in ``folder``, unless it is there and still current.

        The store holds the chips in the files' dtype, a table ``index`` (a row a chip) and a
        table ``rejected`` (a row for all that could not be used, with reason and remedy).

        Raises:
            UserError: If nothing can be used, or the value range is not known.
        """
        fingerprint = self.fingerprint()
        if read_store(folder, fingerprint) is not None:
            return
        found = survey(self.source.files(), self.parameters)
        value_range = value_range_of(found.dtype, self.parameters)
        shape = (len(found.bands), found.chip_size, found.chip_size)
        with write_store(folder, fingerprint, shape, found.dtype) as writer:
            rows, rejected = _write_chips(found, self.parameters, writer)
            if not rows:
                raise _nothing_usable(rejected)
            index = pd.DataFrame(rows)
            index["place"] = assign_places(index, self.parameters)
            index["location"] = assign_locations(index, self.parameters)
            writer.tables = {"index": index, "rejected": _rejected_table(rejected)}
            writer.content = fingerprint_of(index["digest"].tolist())
            writer.attributes = {
                "source": self.source.kind,
                "synthetic": self.source.synthetic,
                "value_range": value_range,
                "bands": _band_names(found),
            }


@dataclass(frozen=True)
class _Task:
    """Some chips of one file: what a thread reads at a time, however large the file."""

    header: Header
    windows: list[tuple[int, int]]
    survey: Survey
    min_valid_fraction: float
    last: bool


def value_range_of(dtype: np.dtype[np.generic], parameters: IngestionParameters) -> list[float]:
    """Return the stated value range, or an integer dtype's own.

    Raises:
        UserError: If the data are floats and no range is stated.
    """
    if parameters.value_range is not None:
        return list(parameters.value_range)
    if not np.issubdtype(dtype, np.integer):
        raise UserError(
            f"the files hold {dtype} pixels, whose range cannot be known",
            "state what stands for 0 and 1, e.g. --params 'ingestion.value_range=0;1'",
        )
    limits = np.iinfo(dtype)  # type: ignore[type-var]
    return [float(limits.min), float(limits.max)]


def _write_chips(
    found: Survey, parameters: IngestionParameters, writer: StoreWriter
) -> tuple[list[dict[str, object]], list[tuple[str, Rejection]]]:
    rows: list[dict[str, object]] = []
    rejected = list(found.rejected)
    first_with: dict[bytes, str] = {}
    tasks = _tasks(found, parameters.min_valid_fraction)
    with progress_bar() as bar:
        progress = bar.add_task("Ingesting", total=len(found.headers), status="")
        for task, sha256, results in map_ahead(_run, tasks):
            name = task.header.file.name
            for result in results:
                if isinstance(result, Rejection):
                    rejected.append((name, result))
                elif result.digest in first_with:
                    rejected.append((name, _duplicate(result, first_with[result.digest])))
                else:
                    first_with[result.digest] = name
                    writer.append(result.pixels)
                    rows.append(_index_row(len(rows), task.header, sha256, result))
            bar.advance(progress, int(task.last))
    return rows, rejected


def _tasks(found: Survey, min_valid_fraction: float) -> Iterator[_Task]:
    for header in found.headers:
        windows = chip_windows(header.height, header.width, found.chip_size)
        for start in range(0, len(windows), CHIPS_A_TASK):
            last = start + CHIPS_A_TASK >= len(windows)
            some = windows[start : start + CHIPS_A_TASK]
            yield _Task(header, some, found, min_valid_fraction, last)


def _run(task: _Task) -> tuple[_Task, str, list[Chip | Rejection]]:
    found, file = task.survey, task.header.file
    try:
        sha256 = file.sha256()
        with file.open() as raster:
            return (
                task,
                sha256,
                cut_chips(
                    raster, task.windows, found.chip_size, found.bands, task.min_valid_fraction
                ),
            )
    except OSError as error:
        return task, "", [Rejection(f"cannot be read ({error})", "copy or download it again")]


def _index_row(number: int, header: Header, sha256: str, chip: Chip) -> dict[str, object]:
    size = chip.pixels.shape[-1]
    affine = Affine(*chip.transform)
    corners = [affine * corner for corner in ((0, 0), (size, 0), (0, size), (size, size))]
    xs, ys = zip(*corners, strict=True)
    return {
        "chip": number,
        "file": header.file.name,
        "sha256": sha256,
        "row": chip.row,
        "column": chip.column,
        "left": min(xs),
        "bottom": min(ys),
        "right": max(xs),
        "top": max(ys),
        "transform": json.dumps(chip.transform),
        "crs": header.crs,
        "valid_fraction": chip.valid_fraction,
        "digest": chip.digest.hex(),
    }


def _duplicate(chip: Chip, first: str) -> Rejection:
    return Rejection(
        f"has the same pixels as {first}",
        "remove one of the two; the first one is used",
        chip.row,
        chip.column,
    )


def _rejected_table(rejected: list[tuple[str, Rejection]]) -> pd.DataFrame:
    table = pd.DataFrame(
        [
            {
                "file": name,
                "row": why.row,
                "column": why.column,
                "reason": why.reason,
                "remedy": why.remedy,
            }
            for name, why in rejected
        ],
        columns=["file", "row", "column", "reason", "remedy"],
    )
    return table.astype({"row": "Int64", "column": "Int64"})


def _nothing_usable(rejected: list[tuple[str, Rejection]]) -> UserError:
    name, why = rejected[0]
    return UserError(
        f"none of the {len({n for n, _ in rejected})} files holds a usable chip; "
        f"the first: {name}: {why.reason}",
        why.remedy,
    )


def _band_names(found: Survey) -> list[str]:
    described = found.headers[0].descriptions
    named = [described[band - 1] for band in found.bands]
    return [name or f"band {band}" for name, band in zip(named, found.bands, strict=True)]
