"""Packed imagery: one file a place, read without anything but numpy.

A packed file is a zip archive. `place.json` describes the place; `0`, `1`, ... are its images and
`0.valid`, ... the validity of those with invalid pixels, as `lossless` compresses them.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sen2naip_sr.errors import UserError
from sen2naip_sr.files import replacing
from sen2naip_sr.release.imagery.lossless import compress, decompress
from sen2naip_sr.training.mixture.images import Image

SUFFIX = ".imagery"
_DESCRIPTION = "place.json"
DTYPES = ("uint8", "uint16")
"""Dtypes that can be packed."""


@dataclass(frozen=True)
class PackedImage:
    """A compressed image.

    Attributes:
        content: The values.
        valid: The validity; empty: all valid.
        shape: (C, h, w).
        dtype: One of `DTYPES`.
        value_range: Digital numbers that become 0 and 1.
    """

    content: bytes
    valid: bytes
    shape: tuple[int, int, int]
    dtype: str
    value_range: tuple[float, float]

    @classmethod
    def of(cls, image: Image) -> "PackedImage":
        """Compress an image."""
        mask = b"" if image.valid is None else compress(image.valid[None].astype(np.uint8))
        shape, dtype = image.values.shape, image.values.dtype.name
        return cls(compress(image.values), mask, shape, dtype, image.value_range)

    @property
    def deep(self) -> bool:
        """Whether it has more than 8 bits."""
        return self.dtype != "uint8"

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) + len(self.valid)

    def unpack(self) -> Image:
        """Decompress it."""
        valid = None
        if self.valid:
            valid = decompress(self.valid, (1, *self.shape[1:]), "uint8")[0].astype(bool)
        values = decompress(self.content, self.shape, self.dtype)
        return Image(values, valid, self.value_range)


@dataclass(frozen=True)
class Place:
    """The images of a place.

    Attributes:
        name: Its name.
        location: The ground that it shows: places at other dates have the same one.
        images: Its images.
    """

    name: str
    location: str
    images: tuple[PackedImage, ...]


def write_place(folder: Path, place: Place) -> None:
    """Write a place into a folder, as a whole or not at all."""
    described = [
        {k: v for k, v in asdict(image).items() if not isinstance(v, bytes)}
        for image in place.images
    ]
    head = {"name": place.name, "location": place.location, "images": described}
    with (
        replacing(folder / (place.name + SUFFIX)) as hidden,
        zipfile.ZipFile(hidden, "w") as archive,
    ):
        archive.writestr(_DESCRIPTION, json.dumps(head))
        for number, image in enumerate(place.images):
            archive.writestr(str(number), image.content)
            if image.valid:
                archive.writestr(f"{number}.valid", image.valid)


def packed_files(folder: Path) -> list[Path]:
    """Return the packed files in a folder.

    Raises:
        UserError: If there are none.
    """
    files = sorted(folder.glob("*" + SUFFIX))
    if not files:
        raise UserError(
            "imagery-missing", f"{folder}: no packed imagery", "pack imagery into this folder first"
        )
    return files


def read_places(folder: Path) -> Iterator[Place]:
    """Read every packed place of a folder.

    Raises:
        UserError: If there are none, or a file is damaged.
    """
    for file in packed_files(folder):
        try:
            with zipfile.ZipFile(file) as archive:
                yield _place(archive)
        except (zipfile.BadZipFile, OSError, KeyError, ValueError) as error:
            raise UserError(
                "imagery-damaged", f"{file}: cannot be read ({error})", "pack its imagery again"
            ) from error


def _place(archive: zipfile.ZipFile) -> Place:
    head = json.loads(archive.read(_DESCRIPTION))
    names = set(archive.namelist())
    images = [
        PackedImage(
            content=archive.read(str(number)),
            valid=archive.read(f"{number}.valid") if f"{number}.valid" in names else b"",
            shape=tuple(image["shape"]),
            dtype=image["dtype"],
            value_range=tuple(image["value_range"]),
        )
        for number, image in enumerate(head["images"])
    ]
    return Place(head["name"], head["location"], tuple(images))
