"""Stores: folders with chips and tables that are written as a whole or not at all."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.shards import SHARD_CHIPS, ShardedArray, ShardWriter
from sen2naip_sr.chips.validity import Validity
from sen2naip_sr.errors import UserError
from sen2naip_sr.files import replacing

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
MANIFEST = "manifest.json"
MASKED = "masked.npy"
"""Numbers of the chips with invalid pixels, int; the shards of `Manifest.masks` are theirs."""


def fingerprint_of(*parts: Any) -> str:
    """Return a short hash of JSON-serialisable parts."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Manifest(BaseModel):
    """The content of a store, and what it was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    fingerprint: str
    content: str
    dtype: str
    shape: tuple[int, int, int, int]
    shards: list[str]
    tables: list[str]
    attributes: dict[str, Any]
    masks: list[str] = []


@dataclass(frozen=True)
class Store:
    """Memory-mapped chips with their tables and manifest, in a folder."""

    folder: Path
    manifest: Manifest

    @cached_property
    def chips(self) -> ShardedArray:
        """The chips, (n, C, H, W); only what is used is read from disk."""
        return ShardedArray.open([self.folder / name for name in self.manifest.shards])

    @cached_property
    def validity(self) -> Validity | None:
        """Which pixels of the chips are valid; None if all are."""
        if not self.manifest.masks:
            return None
        masks = ShardedArray.open([self.folder / name for name in self.manifest.masks])
        return Validity(np.load(self.folder / MASKED), masks)

    def whole(self, chips: Array) -> Array:
        """Return those of the given chips in which all pixels are valid."""
        if self.validity is None:
            return chips
        return chips[~np.isin(chips, self.validity.numbers)]

    def table(self, name: str) -> "pd.DataFrame":
        """Return the table called ``name``."""
        import pandas as pd

        return pd.read_parquet(self.folder / f"{name}.parquet")

    @property
    def index(self) -> "pd.DataFrame | None":
        """The table of chips; None if the store has none."""
        return self.table("index") if "index" in self.manifest.tables else None

    @property
    def attributes(self) -> dict[str, Any]:
        """The manifest's free-form part."""
        return self.manifest.attributes


class UnmadeStore(Protocol):
    """A store to be made: its inputs and how to make it."""

    def make(self, folder: Path) -> None:
        """Make the store in ``folder``, unless it is up to date."""


@dataclass
class StoreWriter:
    """Writes a store: append the chips, then set tables, attributes and content hash."""

    writer: ShardWriter
    masks: ShardWriter
    content: str = ""
    tables: dict[str, "pd.DataFrame"] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    masked: list[int] = field(default_factory=list)

    def append(self, chip: Array, valid: Array | None = None) -> None:
        """Write one chip and its valid pixels, bool, of the same shape; None: all are."""
        self.writer.append(chip)
        if valid is not None and not valid.all():
            self.masks.append(valid)
            self.masked.append(self.count)
        self.count += 1


def read_store(folder: Path, fingerprint: str | None = None) -> Store | None:
    """Open a store without reading a pixel; None if there is no complete one.

    If a fingerprint is given, a store with another one counts as missing.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_text())
    except (OSError, ValidationError):
        return None
    stale = fingerprint is not None and manifest.fingerprint != fingerprint
    if manifest.format != FORMAT or stale:
        return None
    store = Store(folder, manifest)
    try:
        whole = (store.chips.shape, store.chips.dtype) == (manifest.shape, manifest.dtype)
        if store.validity is not None:
            whole &= len(store.validity.numbers) == store.validity.masks.shape[0]
    except (OSError, ValueError):
        # a shard is missing, or shorter than its header says
        return None
    tables = all((folder / f"{name}.parquet").is_file() for name in manifest.tables)
    return store if whole and tables else None


def require_store(folder: Path) -> Store:
    """Open a store that must exist.

    Raises:
        UserError: If it is missing or damaged.
    """
    store = read_store(folder)
    if store is None:
        raise UserError(
            "store-missing",
            f"{folder}: there is no complete chip store",
            "ingest and preprocess imagery first",
        )
    return store


@contextmanager
def write_store(
    folder: Path,
    fingerprint: str,
    chip_shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    shard_chips: int = SHARD_CHIPS,
) -> Iterator[StoreWriter]:
    """Write a store as a whole or not at all.

    Args:
        folder: The folder; its content is replaced.
        fingerprint: Hash of what the store is made from; `read_store` compares it.
        chip_shape: (C, H, W).
        dtype: The chips' dtype.
        shard_chips: Chips per shard.

    Yields:
        The writer to fill. If the block raises, the old store stays.
    """
    with replacing(folder) as hidden:
        hidden.mkdir()
        with (
            ShardWriter(hidden, "chips", chip_shape, dtype, shard_chips) as shards,
            ShardWriter(hidden, "valid", chip_shape, np.dtype(bool), shard_chips) as masks,
        ):
            writer = StoreWriter(shards, masks)
            yield writer
        if writer.masked:
            np.save(hidden / MASKED, np.array(writer.masked))
        for name, table in writer.tables.items():
            table.to_parquet(hidden / f"{name}.parquet", index=False)
        manifest = Manifest(
            format=FORMAT,
            fingerprint=fingerprint,
            content=writer.content or fingerprint,
            dtype=np.dtype(dtype).name,
            shape=(writer.count, *chip_shape),
            shards=shards.names,
            tables=list(writer.tables),
            attributes=writer.attributes,
            masks=masks.names,
        )
        (hidden / MANIFEST).write_text(manifest.model_dump_json(indent=1))
