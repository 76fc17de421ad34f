"""Arrays of equally sized chips on disk, in memory-mapped ``.npy`` shards."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from sen2naip_sr.arrays import Array

SHARD_CHIPS = 4096
"""Chips per shard: few enough files to keep open, small enough to copy (1 MB a chip)."""


class ShardedArray:
    """A read-only array of shape (n, C, H, W) in one or more memory-mapped shards.

    Args:
        shards: Arrays of shape (n_i, C, H, W) with equal dtype; all but the last of equal length.
    """

    def __init__(self, shards: Sequence[Array]) -> None:
        self._shards = list(shards)
        self._length = len(self._shards[0])
        self.dtype = self._shards[0].dtype
        self.shape = (sum(map(len, self._shards)), *self._shards[0].shape[1:])

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "ShardedArray":
        """Map ``.npy`` files into memory without reading them."""
        return cls([np.load(path, mmap_mode="r") for path in paths])

    @classmethod
    def from_array(cls, array: Array) -> "ShardedArray":
        """Wrap an array (n, C, H, W) in memory."""
        return cls([array])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chip: int) -> Array:
        if not 0 <= chip < len(self):
            raise IndexError(f"chip {chip} of {len(self)}")
        view: Array = self._shards[chip // self._length][chip % self._length]
        return view

    def __iter__(self) -> Iterator[Array]:
        for shard in self._shards:
            yield from shard

    def crops(self, chips: Array, rows: Array, columns: Array, size: int) -> Array:
        """Cut one square crop out of each given chip.

        Args:
            chips: Chip numbers, int (B,).
            rows: Top rows, int (B,).
            columns: Left columns, int (B,).
            size: Side of the crops in pixels.

        Returns:
            A copy of shape (B, C, size, size) in the array's dtype.

        Raises:
            IndexError: If a crop reaches beyond its chip, or a chip does not exist.
        """
        if len(chips) and (
            min(chips.min(), rows.min(), columns.min()) < 0
            or chips.max() >= len(self)
            or rows.max() + size > self.shape[2]
            or columns.max() + size > self.shape[3]
        ):
            raise IndexError(f"a crop of {size} pixels reaches out of an array of {self.shape}")
        out = np.empty((len(chips), self.shape[1], size, size), self.dtype)
        for number, shard in enumerate(self._shards):
            inside = chips // self._length == number
            if inside.any():
                windows = np.lib.stride_tricks.sliding_window_view(shard, (size, size), axis=(2, 3))
                at = chips[inside] % self._length
                out[inside] = windows[at, :, rows[inside], columns[inside]]
        return out


class ShardWriter:
    """Appends chips to ``<prefix>_00000.npy``, ``<prefix>_00001.npy``, ... (a context manager).

    The number of chips need not be known in advance: a shard's header is written when the shard is
    full or the writer closes. No chip is kept in memory.

    Args:
        folder: The folder of the shards; it exists.
        prefix: The beginning of their names.
        chip_shape: (C, H, W).
        dtype: The chips' dtype.
        shard_chips: Chips per shard.
    """

    def __init__(
        self,
        folder: Path,
        prefix: str,
        chip_shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        shard_chips: int = SHARD_CHIPS,
    ) -> None:
        self._folder, self._prefix = folder, prefix
        self._chip_shape, self._dtype = chip_shape, np.dtype(dtype)
        self._shard_chips = shard_chips
        self._stream: io.BufferedWriter | None = None
        self._in_shard = 0
        self.names: list[str] = []

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._close_shard()
        elif self._stream is not None:
            # the shard is useless, and closing a stream on a full disk fails again
            with suppress(OSError):
                self._stream.close()

    def append(self, chip: Array) -> None:
        """Write one chip of the writer's shape and dtype.

        Raises:
            ValueError: If shape or dtype differ.
        """
        if chip.shape != self._chip_shape or chip.dtype != self._dtype:
            raise ValueError(
                f"a chip of {chip.shape} {chip.dtype} in an array of "
                f"{self._chip_shape} {self._dtype}"
            )
        if self._stream is None:
            self._open_shard()
        assert self._stream is not None
        self._stream.write(np.ascontiguousarray(chip).data)
        self._in_shard += 1
        if self._in_shard == self._shard_chips:
            self._close_shard()

    def _open_shard(self) -> None:
        name = f"{self._prefix}_{len(self.names):05d}.npy"
        self._stream = (self._folder / name).open("wb")
        self.names.append(name)
        self._write_header(0)

    def _write_header(self, chips: int) -> None:
        # numpy pads the header so that the first axis can grow: its length never changes
        assert self._stream is not None
        np.lib.format.write_array_header_1_0(
            self._stream,
            {
                "descr": np.lib.format.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (chips, *self._chip_shape),
            },
        )

    def _close_shard(self) -> None:
        if self._stream is None:
            return
        with self._stream:
            self._stream.seek(0)
            self._write_header(self._in_shard)
        self._stream, self._in_shard = None, 0
