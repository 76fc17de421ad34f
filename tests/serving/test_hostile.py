"""Damaged and hostile uploads: refused with a code or upscaled; nothing left; the next is answered.

benchmarks/hostile/serving.py sends more of them to a server in a process of its own.
"""

import random
import struct
import zlib

import numpy as np
import pytest
import rasterio
from served import MISSING, TIFF, files_below, until_closed

assert not MISSING


def written(path, side=24, **profile):
    """Return the bytes of a raster; without pixels if it is sparse."""
    options = {"driver": "GTiff", "dtype": "uint8", "count": 4, "height": side, "width": side}
    options |= profile
    with rasterio.open(path, "w", **options) as target:
        if not profile.get("SPARSE_OK"):
            shape = (options["count"], options["height"], options["width"])
            target.write(np.random.default_rng(0).integers(1, 250, shape).astype(options["dtype"]))
    return path.read_bytes()


def sparse(path, **profile):
    return written(path, SPARSE_OK=True, BIGTIFF="YES", **profile)


def interlaced(_):
    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 1)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


def loop_of_pages(path):
    data = bytearray(written(path))
    first = struct.unpack("<I", data[4:8])[0]
    end = first + 2 + 12 * struct.unpack("<H", data[first : first + 2])[0]
    data[end : end + 4] = struct.pack("<I", first)
    return bytes(data)


TILES = {"tiled": True, "compress": "deflate"}
BOMBS = {
    "60,000 bands": lambda p: sparse(p, side=4, count=60_000),
    "10^6 x 10^6": lambda p: sparse(p, side=10**6, blockxsize=4096, blockysize=4096, **TILES),
    "one tile": lambda p: sparse(p, side=16_384, blockxsize=16_384, blockysize=16_384, **TILES),
    "one strip": lambda p: sparse(p, side=15_000, BLOCKYSIZE=15_000, compress="deflate"),
    "interlaced PNG": interlaced,
    "few pixels, nothing there": lambda p: sparse(p, side=9_000, compress="deflate"),
}


@pytest.fixture(autouse=True)
def nothing_left(client, spool, scene):
    before = files_below(spool)
    yield
    assert files_below(spool) == before
    answer = client.post("/v1/upscale", content=scene.read_bytes(), headers=TIFF)
    assert answer.status_code == 200


def send(client, content):
    """Send an upload to both routes, and return what became of it."""
    answer = client.post("/v1/upscale", content=content, headers=TIFF)
    assert answer.status_code == 200 or answer.json()["code"] != "internal-error"
    job = client.post("/v1/jobs", content=content, headers=TIFF)
    if job.status_code == 202:
        end = until_closed(client, job.json())
        client.delete(end["links"]["self"])
        assert (end["problem"] or {}).get("code") != "internal-error"
        assert end["state"] == ("done" if answer.status_code == 200 else "failed")
    return answer


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_by_their_headers(client, tmp_path, make):
    answer = client.post("/v1/jobs", content=make(tmp_path / "scene"), headers=TIFF)
    assert answer.status_code in (413, 422)


def test_pages_that_loop_are_read_once(client, tmp_path):
    assert send(client, loop_of_pages(tmp_path / "scene")).status_code in (200, 422)


@pytest.mark.parametrize(
    "profile",
    [{}, TILES | {"blockxsize": 16, "blockysize": 16}, {"driver": "PNG"}, {"driver": "JP2OpenJPEG"},
     {"dtype": "float32", "nodata": -9999}],
    ids=["plain", "tiled", "PNG", "JPEG 2000", "float"],
)  # fmt: skip
def test_damaged_files_are_refused_or_upscaled(client, tmp_path, profile):
    content = written(tmp_path / "scene", **profile)
    draw = random.Random(str(profile))
    for _ in range(5):
        data = bytearray(content)
        for _ in range(draw.choice([1, 5, 30])):
            data[draw.randrange(min(600, len(data)))] = draw.randrange(256)
        answer = send(client, bytes(data[: draw.choice([len(data), draw.randrange(1, len(data))])]))
        assert answer.status_code < 500
