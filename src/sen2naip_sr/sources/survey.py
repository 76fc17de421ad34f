"""A look at every file's header: which can become chips of one size, dtype and band count."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from rasterio.errors import RasterioError

from sen2naip_sr.errors import UserError
from sen2naip_sr.raster.cutting import Rejection
from sen2naip_sr.sources.base import SourceFile
from sen2naip_sr.sources.parameters import IngestionParameters

WORKERS = 4
LARGEST_DEFAULT_CHIP = 512
FALLBACK_CHIP = 484

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply ``function`` in threads and yield results in order, only a few items ahead.

    Unlike ``Executor.map`` it holds no more results than it has workers to keep busy, so memory
    does not grow with the number of items.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        source = iter(items)
        pending: list[Future[Result]] = [
            pool.submit(function, item) for item in islice(source, 2 * WORKERS)
        ]
        while pending:
            result = pending.pop(0).result()
            pending.extend(pool.submit(function, item) for item in islice(source, 1))
            yield result


@dataclass(frozen=True)
class Header:
    """What ingestion has to know of a file before it reads a pixel."""

    file: SourceFile
    height: int
    width: int
    bands: int
    dtype: str
    crs: str
    descriptions: tuple[str | None, ...]


@dataclass(frozen=True)
class Survey:
    """What all usable files have in common, and the files that are not usable.

    Attributes:
        headers: The usable files.
        rejected: (file name, why) of the others.
        chip_size: Side of a chip.
        bands: Bands to read, counted from 1.
        dtype: The dtype of every usable file.
    """

    headers: list[Header]
    rejected: list[tuple[str, Rejection]]
    chip_size: int
    bands: tuple[int, ...]
    dtype: np.dtype[np.generic]


def survey(files: Sequence[SourceFile], parameters: IngestionParameters) -> Survey:
    """Read all headers, settle on chip size and dtype, and reject the files that differ.

    Raises:
        UserError: If no file is usable.
    """
    rejected: list[tuple[str, Rejection]] = []
    headers: list[Header] = []
    for file, result in zip(files, map_ahead(_read_header, files), strict=True):
        if isinstance(result, Rejection):
            rejected.append((file.name, result))
        else:
            headers.append(result)
    headers = _keep(headers, rejected, lambda header: _wrong_bands(header, parameters))
    dtype = _most_common(header.dtype for header in headers)
    headers = _keep(headers, rejected, lambda header: _wrong_dtype(header, dtype))
    chip_size = parameters.chip_size or default_chip_size(headers)
    headers = _keep(headers, rejected, lambda header: _too_small(header, chip_size))
    if not headers:
        raise UserError(_nothing_left(rejected), "check the files and ingestion's parameters")
    bands = parameters.bands
    return Survey(
        headers=headers,
        rejected=rejected,
        chip_size=chip_size,
        bands=tuple(bands) if isinstance(bands, list) else tuple(range(1, bands + 1)),
        dtype=np.dtype(dtype),
    )


def default_chip_size(headers: Sequence[Header]) -> int:
    """Return the side that most files have if it is at most 512, else 484; always even."""
    if not headers:
        return FALLBACK_CHIP
    side = int(_most_common(min(header.height, header.width) for header in headers))
    return max(side - side % 2, 2) if side <= LARGEST_DEFAULT_CHIP else FALLBACK_CHIP


def _nothing_left(rejected: list[tuple[str, Rejection]]) -> str:
    shown = "".join(f"\n  {name}: {why.reason}" for name, why in rejected[:5])
    more = f"\n  ... and {len(rejected) - 5} more" if len(rejected) > 5 else ""
    return f"none of the {len(rejected)} files can be used:{shown}{more}"


def _read_header(file: SourceFile) -> Header | Rejection:
    try:
        with file.open() as raster:
            return Header(
                file=file,
                height=raster.height,
                width=raster.width,
                bands=raster.count,
                dtype=_common_dtype(raster.dtypes),
                crs=raster.crs.to_string() if raster.crs else "",
                descriptions=raster.descriptions,
            )
    except (RasterioError, OSError) as error:
        text = " ".join(str(error).split())
        return Rejection(
            f"cannot be opened as a raster ({text})",
            "it is empty, damaged or no GeoTIFF: copy or download it again, or remove it",
        )


def _common_dtype(dtypes: Sequence[str]) -> str:
    return dtypes[0] if len(set(dtypes)) == 1 else "mixed"


def _most_common(values: Iterable[str | int]) -> str | int:
    counts = Counter(values)
    # ties go to the smaller value, so that the order of the files does not matter
    return min(counts, key=lambda value: (-counts[value], value), default="uint8")


def _keep(
    headers: list[Header],
    rejected: list[tuple[str, Rejection]],
    check: Callable[[Header], Rejection | None],
) -> list[Header]:
    kept = []
    for header in headers:
        why = check(header)
        if why is None:
            kept.append(header)
        else:
            rejected.append((header.file.name, why))
    return kept


def _wrong_bands(header: Header, parameters: IngestionParameters) -> Rejection | None:
    asked = parameters.bands
    if isinstance(asked, int) and header.bands != asked:
        return Rejection(
            f"has {header.bands} bands, {asked} are asked for",
            "choose bands with ingestion.bands (a count, or a list such as 1;2;3;4)",
        )
    if isinstance(asked, list) and header.bands < max(asked):
        return Rejection(
            f"has {header.bands} bands, band {max(asked)} is asked for",
            "choose among its bands with ingestion.bands",
        )
    if header.dtype == "mixed" or np.issubdtype(np.dtype(header.dtype), np.complexfloating):
        return Rejection(
            f"its pixels are of {header.dtype} type",
            "convert it to one integer or floating type",
        )
    return None


def _wrong_dtype(header: Header, dtype: str | int) -> Rejection | None:
    if header.dtype == dtype:
        return None
    return Rejection(
        f"its pixels are {header.dtype}, most files' are {dtype}",
        "a dataset has one dtype: convert it, or ingest it by itself",
    )


def _too_small(header: Header, chip_size: int) -> Rejection | None:
    if min(header.height, header.width) >= chip_size:
        return None
    return Rejection(
        f"its {header.width} x {header.height} pixels are smaller than a chip of {chip_size}",
        "lower ingestion.chip_size to take it",
    )
