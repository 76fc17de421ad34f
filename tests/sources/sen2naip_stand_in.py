"""Stand-ins for SEN2NAIP: a zip of its layout, and the part of the hub's HTTP that serves it."""

import hashlib
import re
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

REPO = "someone/some-set"
FILENAME = "cross-sensor/cross-sensor.zip"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def pixels(roi: int) -> np.ndarray:
    return np.random.default_rng(roi).integers(0, 256, (4, 32, 32), dtype=np.uint8)


def geotiff(array: np.ndarray, pixel_size: float = 2.5) -> bytes:
    bands, height, width = array.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=bands,
            height=height,
            width=width,
            dtype=array.dtype,
            crs=CRS.from_epsg(32611),
            transform=from_origin(500_000, 4_000_000, pixel_size, pixel_size),
        ) as raster:
            raster.write(array)
        return memory.read()


def build_zip(path: Path, rois: list[int], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write `cross-sensor/ROI_nnnn/{hr,lr}.tif` and other files for the given regions."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("cross-sensor/", b"")
        archive.writestr("cross-sensor/readme.txt", b"not an image")
        for roi in rois:
            folder = f"cross-sensor/ROI_{roi:04d}"
            archive.writestr(f"{folder}/lr.tif", geotiff(pixels(roi)[:, ::4, ::4], 10))
            archive.writestr(f"{folder}/hr.tif", geotiff(pixels(roi)))
            archive.writestr(f"{folder}/hr.tif.aux.xml", b"<PAMDataset/>")
            archive.writestr(f"__MACOSX/{folder}/._hr.tif", b"\0")
    return path


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    start: int
    authorized: bool


@dataclass
class Hub:
    """Serves one file as the hub does: metadata at its own address, bytes at another host's.

    `cuts` says after how many bytes each next delivery breaks off; `refusal` is a status and the
    hub's error code to answer with instead.
    """

    content: bytes
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    delivered: int = 0
    cuts: list[int] = field(default_factory=list)
    refusal: tuple[int, str] | None = None

    def starts(self) -> list[int]:
        """The first byte of every delivery asked for."""
        return [r.start for r in self.requests if r.path.startswith("/storage/")]

    def __enter__(self) -> "Hub":
        hub = self

        class Handler(_Handler):
            served = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: Hub

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._note()
        self._resolve()

    def do_GET(self) -> None:
        start = self._note()
        if self.path.startswith("/storage/"):
            self._deliver(start)
        else:
            self._resolve()

    def _note(self) -> int:
        found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(found[1]) if found else 0
        authorized = "Authorization" in self.headers
        # self.path has doubled slashes taken out
        path = self.requestline.split()[1]
        self.served.requests.append(Request(self.command, path, start, authorized))
        return start

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _resolve(self) -> None:
        hub = self.served
        found = re.fullmatch(rf"/datasets/{REPO}/resolve/([^/]+)/{FILENAME}", self.path)
        if hub.refusal:
            status, code = hub.refusal
            self._answer(status, {"X-Error-Code": code, "Content-Length": "0"})
        elif not found:
            self._answer(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
        else:
            digest = hashlib.sha256(hub.content).hexdigest()
            headers = {
                "X-Repo-Commit": found[1],
                "X-Linked-ETag": f'"{digest}"',
                "X-Linked-Size": str(len(hub.content)),
                "Location": hub.url.replace("127.0.0.1", "localhost") + f"/storage/{digest}",
                "Content-Length": "0",
            }
            self._answer(302, headers)

    def _deliver(self, start: int) -> None:
        hub = self.served
        body = hub.content[start:]
        headers = {"Accept-Ranges": "bytes", "Content-Length": str(len(body))}
        if start:
            last, total = len(hub.content) - 1, len(hub.content)
            headers["Content-Range"] = f"bytes {start}-{last}/{total}"
        sent = body[: hub.cuts.pop(0)] if hub.cuts else body
        self._answer(206 if start else 200, headers)
        self.wfile.write(sent)
        hub.delivered += len(sent)
