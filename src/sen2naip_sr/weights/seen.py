"""What imagery weights were trained on: the ground it shows, and how it looks."""

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, field_validator

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.footprints import EQUAL_AREA, Footprints, overlapping
from sen2naip_sr.weights.compact import compressed, decompressed

if TYPE_CHECKING:
    import pandas as pd

    from sen2naip_sr.chips.shards import ShardedArray

LOOK_BYTES = 16
MOST_GROUND = 2**20
"""Footprints, each of four corners in decimetres and the pixel in millimetres, int32."""

ALIKE = 12
"""Bits of 128 in which the looks of one image differ at most, if it was stored in another way. Of
497 chips of NAIP, halving or noise changed at most 5, and those of two differ in 31 at least."""

PLAIN = 2 * ALIKE
"""Fewer bits that rise are the look of an image without structure, which is no evidence."""

_GRID = 9


class Seen(BaseModel):
    """Imagery as content, so that it is known again under any name.

    Attributes:
        ground: Base85 of the footprints, in `EQUAL_AREA`, compressed.
        looks: Base85 of a perceptual hash for each image.
        complete: Whether this is all that the weights have seen.
    """

    model_config = ConfigDict(frozen=True)

    ground: str = ""
    looks: str = ""
    complete: bool = True

    @field_validator("ground")
    @classmethod
    def _ground_is_readable(cls, text: str) -> str:
        _unpacked(text)
        return text

    @field_validator("looks")
    @classmethod
    def _looks_are_readable(cls, text: str) -> str:
        if len(_decoded(text)) % LOOK_BYTES:
            raise ValueError(f"its length is no multiple of {LOOK_BYTES} bytes")
        return text

    @classmethod
    def of(cls, ground: Footprints, looks: Array, complete: bool = True) -> "Seen":
        """Return imagery with these footprints, in any system, and these looks (n, 16), uint8."""
        moved = ground.projected()
        known = np.isfinite(moved.corners).all(axis=(1, 2))
        numbers = np.column_stack(
            [moved.corners[known].reshape(-1, 8) * 10, moved.pixels[known] * 1000]
        )
        rounded = np.unique(np.rint(numbers).astype("<i4"), axis=0)
        unique = np.unique(looks.reshape(-1, LOOK_BYTES), axis=0)
        return cls(ground=_packed(rounded), looks=_text(unique), complete=complete)

    @classmethod
    def in_chips(
        cls, index: "pd.DataFrame | None", chips: "ShardedArray", numbers: Array
    ) -> "Seen":
        """Return some chips of a store as imagery.

        Args:
            index: The store's table of chips; None: it has none.
            chips: The store's chips.
            numbers: Which of them, int.
        """
        return cls.of(*content_of(index, chips, numbers))

    @classmethod
    def together(cls, parts: Iterable["Seen | None"]) -> "Seen":
        """Return all imagery of some weights; not complete if a part is unknown."""
        every = list(parts)
        known = [part for part in every if part is not None]
        ground = np.concatenate([np.empty((0, 9), "<i4"), *(part._ground() for part in known)])
        looks = np.concatenate(
            [np.empty((0, LOOK_BYTES), np.uint8), *(part._looks() for part in known)]
        )
        return cls(
            ground=_packed(np.unique(ground, axis=0)),
            looks=_text(np.unique(looks, axis=0)),
            complete=len(known) == len(every) and all(part.complete for part in known),
        )

    def shows(self, ground: Footprints, looks: Array | None = None) -> Array:
        """Return which images were seen, bool (n,): by their ground, or by their looks.

        Args:
            ground: Their footprints, (n,), "" as the system of those that are unknown.
            looks: Their looks, (n, 16); None: only their ground is compared.
        """
        numbers = self._ground().astype(np.float64)
        own = Footprints(
            np.full(len(numbers), EQUAL_AREA),
            numbers[:, :8].reshape(-1, 4, 2) / 10,
            numbers[:, 8] / 1000,
        )
        found = np.zeros(len(ground), bool)
        found[overlapping(ground.projected(), own)[:, 0]] = True
        known = _telling(np.unpackbits(self._looks(), axis=1).astype(np.float32))
        if looks is None or not len(known):
            return found
        bits = np.unpackbits(looks.reshape(-1, LOOK_BYTES), axis=1).astype(np.float32)
        differing = bits @ (1 - known).T + (1 - bits) @ known.T
        return found | (differing.min(axis=1) <= ALIKE)

    def _ground(self) -> Array:
        return _unpacked(self.ground)

    def _looks(self) -> Array:
        return np.frombuffer(_decoded(self.looks), np.uint8).reshape(-1, LOOK_BYTES)


def content_of(
    index: "pd.DataFrame | None", chips: "ShardedArray", numbers: Array
) -> tuple[Footprints, Array]:
    """Return the footprints and looks of some chips of a store; see `Seen.in_chips`."""
    import pandas as pd

    if index is None or not {"crs", "transform"} <= set(index.columns):
        index = pd.DataFrame({"chip": numbers, "crs": "", "transform": "[1, 0, 0, 0, -1, 0]"})
    rows = index.drop_duplicates("chip").set_index("chip").loc[numbers]
    ground = Footprints.of(rows, chips.shape[-1])
    looks = [look(chips[int(number)]) for number in numbers]
    return ground, np.array(looks, np.uint8).reshape(-1, LOOK_BYTES)


def look(image: Array) -> Array:
    """Return a perceptual hash of an image (C, h, w) of any real dtype: (16,), uint8.

    Its bits say whether brightness rises to the right, and downwards, in a grid of 8 x 8 areas
    (the difference hash of https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
    They do not depend on the range of values, and hardly on noise, compression or pixel size.
    """
    rows, columns = (_areas(length) for length in image.shape[1:])
    grey = rows @ image.mean(axis=0, dtype=np.float64) @ columns.T
    # sums of equal values differ in their last digits
    least = 1e-9 * np.abs(grey).max(initial=0)
    rising = [np.diff(grey, axis=1)[:-1] > least, np.diff(grey, axis=0)[:, :-1] > least]
    return np.packbits(np.concatenate(rising).ravel())


def _areas(length: int) -> Array:
    """Return the share of each pixel of an axis in each of `_GRID` equal parts, (parts, pixels)."""
    edges = np.arange(_GRID + 1) * (length / _GRID)
    left = np.arange(length)
    ends, starts = np.minimum(edges[1:, None], left + 1), np.maximum(edges[:-1, None], left)
    return np.asarray((ends - starts).clip(min=0) * (_GRID / length))


def _telling(bits: Array) -> Array:
    """Return the looks (n, 128) that tell images apart: those of even water are all the same."""
    return bits[bits.sum(axis=1) >= PLAIN]


def _text(numbers: Array) -> str:
    return base64.b85encode(np.ascontiguousarray(numbers).tobytes()).decode()


def _decoded(text: str) -> bytes:
    try:
        content = base64.b85decode(text)
    except ValueError as error:
        raise ValueError("it is no base85") from error
    # the decoder drops a last character alone
    if len(text) % 5 == 1:
        raise ValueError("it is no base85")
    return content


def _packed(ground: Array) -> str:
    """Return the text of footprints, int32 (n, 9), sorted.

    Neighbours lie close together and are of one size: their differences take few bytes.
    """
    relative = np.concatenate([ground[:, :2], ground[:, 2:8] - np.tile(ground[:, :2], 3)], axis=1)
    columns = np.concatenate([relative, ground[:, 8:]], axis=1).T
    differences = np.diff(columns, axis=1, prepend=np.int32(0)).astype("<i4")
    return _text(np.frombuffer(compressed(differences), np.uint8)) if len(ground) else ""


def _unpacked(text: str) -> Array:
    if not text:
        return np.empty((0, 9), "<i4")
    found = decompressed(_decoded(text), np.dtype("<i4"), MOST_GROUND * 9)
    if len(found) % 9:
        raise ValueError("its length is no multiple of 9 numbers")
    differences = found.reshape(9, -1)
    columns = np.cumsum(differences, axis=1, dtype="<i4").T
    corners = columns[:, 2:8] + np.tile(columns[:, :2], 3)
    return np.concatenate([columns[:, :2], corners, columns[:, 8:]], axis=1)
