"""The `sen2naip` source: the NAIP images of SEN2NAIP's cross-sensor pairs, read from its zip.

Aybar et al., "A large-scale dataset for super-resolution of Sentinel-2 imagery", Scientific Data
(2024), https://doi.org/10.1038/s41597-024-04214-y. Each region's ``hr.tif`` has 4 bands (red,
green, blue, near-infrared), uint8, 484 x 484 pixels of 2.5 m.
"""

import errno
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers

from sen2naip_sr.chips.store import fingerprint_of
from sen2naip_sr.errors import UserError
from sen2naip_sr.files import write_atomically
from sen2naip_sr.sources.archive import ZipMember, open_archive
from sen2naip_sr.sources.parameters import IngestionParameters

logger = logging.getLogger(__name__)

HR_MEMBER = re.compile(r"(?:^|/)ROI_(\d+)/hr\.tif$")
SHA256 = re.compile(r"[0-9a-f]{64}")

LOG_IN = "ask for access on the dataset's page and log in to the hub"
# (error, reason, remedy), the narrower error first
REFUSALS: tuple[tuple[type[Exception], str, str], ...] = (
    (errors.OfflineModeIsEnabled, "offline mode is on", "unset HF_HUB_OFFLINE"),
    (errors.GatedRepoError, "access to the repository is restricted", LOG_IN),
    (
        errors.RepositoryNotFoundError,
        "no such repository, or a private one",
        "check the repository's name, or log in",
    ),
    (errors.RevisionNotFoundError, "the repository has no such revision", "check the revision"),
    (errors.EntryNotFoundError, "the repository has no such file", "check the file's name"),
    (errors.HFValidationError, "that is no repository's name", "check the repository's name"),
)


@dataclass(frozen=True)
class Checksum:
    """What was downloaded, and the state of the file, to detect changes."""

    repo: str
    filename: str
    revision: str
    sha256: str
    size: int
    mtime_ns: int


def make(parameters: IngestionParameters) -> "Sen2NaipSource":
    """Return SEN2NAIP as the parameters say: a local zip, or a download into the raw folder."""
    return Sen2NaipSource(
        path=Path(parameters.path) if parameters.path else None,
        cache=Path(parameters.raw_folder) / "sen2naip",
        **parameters.sen2naip.model_dump(),
    )


@dataclass(frozen=True)
class Sen2NaipSource:
    """The high-resolution images of SEN2NAIP, from a local zip or downloaded.

    Attributes:
        path: A local copy of the zip; None downloads it.
        cache: The folder of the download.
        repo: Dataset repository on the Hugging Face hub.
        filename: The zip within the repository.
        revision: Commit, tag or branch of the repository.
        endpoint: Another server with the hub's interface; None is the hub itself.
        expected_rois: Warn about a zip with fewer regions; None accepts any number.
    """

    path: Path | None
    cache: Path
    repo: str = "isp-uv-es/SEN2NAIP"
    filename: str = "cross-sensor/cross-sensor.zip"
    revision: str = "79e93461ad93911ebcd5aa0f342376e4c41e8743"
    endpoint: str | None = None
    expected_rois: int | None = 2851
    kind = "sen2naip"
    synthetic = False

    def fingerprint(self) -> str:
        """Hash the local zip's path, size and modification time, or the address of the download.

        Raises:
            UserError: If the local zip is missing.
        """
        if self.path is None:
            return fingerprint_of(self.repo, self.filename, self.revision)
        open_archive(self.path)
        stat = self.path.stat()
        return fingerprint_of(str(self.path.absolute()), stat.st_size, stat.st_mtime_ns)

    def files(self) -> Sequence[ZipMember]:
        """List the regions' ``hr.tif`` by number; the zip is downloaded first if necessary.

        An interrupted download resumes. It is checked against the hub's SHA-256. With the file
        ``checksum.json`` beside it, later calls need no network.

        Raises:
            UserError: If the zip cannot be downloaded or read, or holds no such image.
        """
        path = self._downloaded() if self.path is None else self.path
        names = open_archive(path).names
        regions = {name: int(found[1]) for name in names if (found := HR_MEMBER.search(name))}
        if not regions:
            raise UserError(
                "no-regions",
                f"{path}: holds no ROI_<number>/hr.tif; its {len(names)} members begin with "
                + (", ".join(names[:5]) or "nothing"),
                f"give {Path(self.filename).name} of {self.repo}",
            )
        if self.expected_rois is not None and len(regions) < self.expected_rois:
            missing = self.expected_rois - len(regions)
            logger.warning("%s: %d of %d regions are missing", path, missing, self.expected_rois)
        return [ZipMember(path, name) for name in sorted(regions, key=lambda n: (regions[n], n))]

    def _downloaded(self) -> Path:
        target = self.cache / self.filename
        try:
            # checked before the lock too, since a complete folder may be read-only
            if not self._is_current(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with WeakFileLock(target.with_name(f"{target.name}.lock")):
                    if not self._is_current(target):
                        self._record(target, self._download(target))
        except (OSError, errors.HTTPError, errors.HFValidationError) as error:
            raise self._failure(*_explain(error)) from error
        return target

    def _failure(self, reason: str, remedy: str) -> UserError:
        return UserError(
            "download-failed",
            f"{self.filename} of {self.repo} (revision {self.revision}) cannot be downloaded to "
            f"{self.cache}: {reason}",
            f"{remedy}; or download {self.filename} by hand and give its path",
        )

    def _is_current(self, target: Path) -> bool:
        if not target.is_file():
            return False
        stat, known = target.stat(), self._recorded()
        if known is None:
            logger.warning("%s has no checksum: taken as revision %s", target, self.revision)
            self._record(target, _sha256(target))
            return True
        asked = (self.repo, self.filename, self.revision)
        if (known.repo, known.filename, known.revision) != asked:
            return False
        if (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return True
        if known.size != stat.st_size or known.sha256 != _sha256(target):
            raise UserError(
                "download-changed",
                f"{target}: has changed since it was downloaded",
                "delete it to download it again, or give its path if it should be used as it is",
            )
        self._record(target, known.sha256)
        return True

    def _download(self, target: Path) -> str:
        """Fetch the zip to ``target`` and return its SHA-256.

        `hf_hub_download` deletes the partial file when its process ends; a zip of gigabytes over a
        slow connection needs one that stays.
        """
        # otherwise the first request also asks the hub for a list of user agents
        constants.HF_HUB_DISABLE_TELEMETRY = True
        endpoint = self.endpoint.rstrip("/") if self.endpoint else None
        url = hf_hub_url(
            self.repo, self.filename, repo_type="dataset", revision=self.revision, endpoint=endpoint
        )
        remote = get_hf_file_metadata(url, endpoint=endpoint)
        if remote.etag is None or remote.size is None:
            raise self._failure(
                "the server does not answer like the hub", "check the address of the hub"
            )
        # named by content, so that parts of different files are never combined
        part = target.with_name(f"{target.name}.{fingerprint_of(remote.etag)}.incomplete")
        with part.open("ab") as stream:
            arrived = min(stream.tell(), remote.size)
            missing = remote.size - arrived
            if shutil.disk_usage(part.parent).free < missing:
                raise OSError(errno.ENOSPC, f"{missing / 1e9:.1f} GB are needed")
            logger.info("Downloading %.2f GB to %s", missing / 1e9, target)
            http_get(
                url,
                stream,
                resume_size=arrived,
                headers=build_hf_headers(),
                expected_size=remote.size,
                displayed_filename=target.name,
            )
        digest = _sha256(part)
        if SHA256.fullmatch(remote.etag) and digest != remote.etag:
            part.unlink()
            raise self._failure("it arrived damaged (wrong SHA-256)", "try again")
        part.replace(target)
        return digest

    def _recorded(self) -> Checksum | None:
        try:
            return Checksum(**json.loads((self.cache / "checksum.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _record(self, target: Path, digest: str) -> None:
        stat = target.stat()
        checksum = Checksum(
            self.repo, self.filename, self.revision, digest, stat.st_size, stat.st_mtime_ns
        )
        content = json.dumps(asdict(checksum), indent=2)
        write_atomically(self.cache / "checksum.json", content.encode())


def _sha256(path: Path) -> str:
    logger.info("Computing the SHA-256 of %s", path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _explain(error: Exception) -> tuple[str, str]:
    """Return the reason of a failed download, and its remedy."""
    for kind, reason, remedy in REFUSALS:
        if isinstance(error, kind):
            return reason, remedy
    if isinstance(error, errors.HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"access is refused (status {status})", LOG_IN
        return f"the server answers with status {status}", "try again later"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk is full ({error.strerror})",
            "free space and try again; the download resumes",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return f"{error.strerror} ({error.filename})", "make the folder writable"
    return (
        f"the server cannot be reached, or the transfer was interrupted ({error})",
        "check the network and try again; the download resumes",
    )
