"""Seeded inputs: mutated rasters, hostile ones, damaged weights. Each is made in its own folder."""

import os
import random
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine

from sen2naip_sr.weights.shipped import FOLDER as SHIPPED

SIZE = {"count": 4, "height": 36, "width": 44}
PLACE = {"crs": "EPSG:32633", "transform": Affine(1, 0, 500_000, 0, -1, 5_000_000)}
ENDINGS = ("tif", "tiff", "jp2", "png", "jpg", "gpkg", "vrt", "xml")
VARIANTS: dict[str, dict[str, object]] = {
    "plain.tif": {},
    "deflate.tif": {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16},
    "lzw.tif": {"compress": "lzw", "predictor": 2, "interleave": "pixel"},
    "packbits.tif": {"compress": "packbits"},
    "zstd.tif": {"compress": "zstd"},
    "jpeg.tif": {"compress": "jpeg"},
    "big.tif": {"BIGTIFF": "YES", "dtype": "uint16"},
    "float.tif": {"dtype": "float32", "nodata": -9999},
    "scene.png": {"driver": "PNG"},
    "scene.jp2": {"driver": "JP2OpenJPEG"},
    "scene.gpkg": {"driver": "GPKG"},
}
VRT = (
    '<VRTDataset rasterXSize="44" rasterYSize="36"><VRTRasterBand dataType="Byte" band="1">'
    '<SimpleSource><SourceFilename relativeToVRT="0">{name}</SourceFilename></SimpleSource>'
    "</VRTRasterBand></VRTDataset>"
)
TEXTS = (
    VRT.format(name="/vsicurl/http://SERVER/a.tif"),
    VRT.format(name="http://SERVER/a.tif"),
    VRT.format(name="/etc/passwd"),
    VRT.format(name="WMS:http://SERVER/a"),
    VRT.format(name="&lt;WCS_GDAL>&lt;ServiceURL>http://SERVER/&lt;/ServiceURL>&lt;/WCS_GDAL>"),
    "<WCS_GDAL><ServiceURL>http://SERVER/wcs?</ServiceURL><CoverageName>a</CoverageName></WCS_GDAL>",
    "<GDAL_WMTS><GetCapabilitiesUrl>http://SERVER/w</GetCapabilitiesUrl></GDAL_WMTS>",
    '<GDAL_WMS><Service name="TMS"><ServerUrl>http://SERVER/${z}</ServerUrl></Service></GDAL_WMS>',
    '{"type": "FeatureCollection", "stac_version": "1.0.0", "href": "http://SERVER/a"}',
    "http://SERVER/a.tif\n",
    '<!DOCTYPE a [<!ENTITY b SYSTEM "http://SERVER/b">]><VRTDataset>&b;</VRTDataset>',
    "<a>" * 200_000,
)


def write(path: Path, seed: int = 0, **profile: object) -> Path:
    """Write smooth landscape-like values."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 250, (4, 9, 11)).repeat(4, 1).repeat(4, 2)
    options = {"driver": "GTiff", "dtype": "uint8", **SIZE, **PLACE, **profile}
    if options["driver"] == "GTiff":
        options = {"photometric": "MINISBLACK", "alpha": "unspecified"} | options
    with rasterio.open(path, "w", **options) as target:
        target.write(values.astype(options["dtype"]))
    return path


@cache
def plain(name: str, scratch: Path) -> bytes:
    """Return the bytes of one of `VARIANTS`, undamaged."""
    return write(scratch / name, **VARIANTS[name]).read_bytes()


def mutated(folder: Path, seed: int, scratch: Path) -> None:
    """Write a raster of one of `VARIANTS` with damage: bytes changed, cut, doubled or exchanged."""
    draw = random.Random(seed)
    name = sorted(VARIANTS)[seed % len(VARIANTS)]
    (folder / name).write_bytes(damaged(plain(name, scratch), draw))


def damaged(content: bytes, draw: random.Random, head: int = 600) -> bytes:
    """Return a file's bytes with seeded damage, mostly in its first ``head`` bytes."""
    data = bytearray(content)
    for _ in range(draw.choice([1, 2, 5, 30])):
        if len(data) < 32:
            break
        place = draw.randrange(min(head, len(data)) if draw.random() < 0.7 else len(data))
        kind = draw.random()
        if kind < 0.6:
            data[place] = draw.choice([0, 255, data[place] ^ 1 << draw.randrange(8)])
        elif kind < 0.75:
            data[place : place + 4] = struct.pack("<I", draw.choice([0, 1, 2**31, 2**32 - 1]))
        elif kind < 0.85:
            data[place:place] = data[place : place + draw.randrange(1, 40)]
        elif kind < 0.95:
            del data[place : place + draw.randrange(1, 40)]
        else:
            del data[max(16, place) :]
    return bytes(data)


def damaged_weights(path: Path, seed: int) -> None:
    """Write the shipped weights of a network with damage, mostly in the header."""
    draw = random.Random(seed)
    content = (SHIPPED / f"{draw.choice(['lean', 'carn_m'])}.safetensors").read_bytes()
    head = 8 + struct.unpack("<Q", content[:8])[0]
    path.write_bytes(damaged(content, draw, head))


def hostile(scratch: Path) -> Iterator[tuple[str, Callable[[Path, str], None]]]:
    """Yield name and maker of every hostile input; a maker is given a folder and a server."""
    for number, text in enumerate(TEXTS):
        for ending in ENDINGS:
            yield f"text {number} .{ending}", lambda f, s, t=text, e=ending: _text(f, e, t, s)
        for sidecar in (".ovr", ".msk", ".OVR", ".aux.xml", ".msk.ovr"):
            yield f"text {number} {sidecar}", lambda f, s, t=text, e=sidecar: _beside(f, e, t, s)
    for seed in range(24):
        yield f"sidecar bytes {seed}", lambda f, s, k=seed: _sidecar_bytes(f, k, scratch)
    yield from _BOMBS.items()
    yield from _SPECIAL.items()


def _text(folder: Path, ending: str, text: str, server: str) -> None:
    (folder / f"scene.{ending}").write_text(text.replace("SERVER", server))


def _beside(folder: Path, ending: str, text: str, server: str) -> None:
    write(folder / "scene.tif")
    if ending == ".msk.ovr":
        write(folder / "scene.tif.msk")
    (folder / f"scene.tif{ending}").write_text(text.replace("SERVER", server))


def _sidecar_bytes(folder: Path, seed: int, scratch: Path) -> None:
    draw = random.Random(seed)
    write(folder / "scene.tif")
    ending = draw.choice([".ovr", ".msk"])
    content = damaged(plain("plain.tif", scratch), draw)
    (folder / f"scene.tif{ending}").write_bytes(content)


def _sparse(folder: Path, _: str, **profile: object) -> None:
    options = {"driver": "GTiff", "dtype": "uint8", "SPARSE_OK": True, "BIGTIFF": "YES", **profile}
    with rasterio.open(folder / "scene.tif", "w", **{**SIZE, **options}):
        pass


def _tiles(side: int, block: int, **more: object) -> Callable[[Path, str], None]:
    tiled = {"tiled": True, "blockxsize": block, "blockysize": block}
    return lambda f, s: _sparse(f, s, height=side, width=side, **tiled, **more)


def _png(folder: Path, _: str) -> None:
    side = 30_000

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(b"\0" * (4 * side + 1)) for _ in range(side // 10))
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 1)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows + packer.flush()) + chunk(b"IEND", b"")
    (folder / "scene.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def _loop_of_pages(folder: Path, _: str) -> None:
    data = bytearray(write(folder / "scene.tif").read_bytes())
    first = struct.unpack("<I", data[4:8])[0]
    entries = struct.unpack("<H", data[first : first + 2])[0]
    end = first + 2 + 12 * entries
    data[end : end + 4] = struct.pack("<I", first)
    (folder / "scene.tif").write_bytes(data)


def _metadata(folder: Path, _: str) -> None:
    with rasterio.open(write(folder / "scene.tif"), "r+") as target:
        target.update_tags(**{f"tag{n}": "x" * 20_000 for n in range(500)})


def _large_sidecar(folder: Path, _: str) -> None:
    write(folder / "scene.tif")
    with (folder / "scene.tif.aux.xml").open("wb") as stream:
        stream.truncate(2**31)


def _nested(folder: Path, _: str) -> None:
    for number in range(30):
        sources = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{(number + k) % 30}.vrt'
            "</SourceFilename></SimpleSource>"
            for k in (1, 2, 3)
        )
        text = VRT.format(name="x").replace("<SimpleSource>", f"{sources}<SimpleSource>")
        (folder / f"{number}.vrt").write_text(text)


def _zip(folder: Path, _: str) -> None:
    with zipfile.ZipFile(folder / "scene.tif", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scene.tif", b"\0" * 10**8)


def _socket(folder: Path, _: str) -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        socket.socket(socket.AF_UNIX).bind("scene.tif")
    finally:
        os.chdir(here)


def _overviews(folder: Path, server: str) -> None:
    with rasterio.open(write(folder / "scene.tif"), "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/http://{server}/a.tif")


_BOMBS: dict[str, Callable[[Path, str], None]] = {
    "60,000 bands": lambda f, s: _sparse(f, s, count=60_000, height=4, width=4),
    "4,000 bands": lambda f, s: _sparse(f, s, count=4_000, height=4, width=4),
    "10^6 x 10^6": _tiles(10**6, 4096),
    "10^5 x 10^5": _tiles(10**5, 512, dtype="float64"),
    "one tile": _tiles(16_384, 16_384, compress="deflate"),
    "one strip": lambda f, s: _sparse(
        f, s, height=15_000, width=15_000, BLOCKYSIZE=15_000, compress="deflate"
    ),
    "interlaced PNG": _png,
    "loop of pages": _loop_of_pages,
    "10 MB of tags": _metadata,
    "2 GB beside": _large_sidecar,
    "nested VRTs": _nested,
    "zip as TIFF": _zip,
}

_SPECIAL: dict[str, Callable[[Path, str], None]] = {
    "pipe": lambda f, s: os.mkfifo(f / "scene.tif"),
    "pipe beside": lambda f, s: (write(f / "scene.tif"), os.mkfifo(f / "scene.tfw"))[0],
    "socket": _socket,
    "device": lambda f, s: (f / "scene.tif").symlink_to("/dev/zero"),
    "endless device": lambda f, s: (f / "scene.vrt").symlink_to("/dev/urandom"),
    "link to itself": lambda f, s: (f / "scene.tif").symlink_to("scene.tif"),
    "folder": lambda f, s: (f / "scene.tif").mkdir(),
    "folder above": lambda f, s: (f / "up").symlink_to(".."),
    "password file": lambda f, s: (f / "scene.tif").symlink_to("/etc/passwd"),
    "overviews elsewhere": _overviews,
    "empty": lambda f, s: (f / "scene.tif").touch(),
}
