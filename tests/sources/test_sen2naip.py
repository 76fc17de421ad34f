import errno
import hashlib
import json
import logging
import os
import shutil
import socket
import sys
import zipfile

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants, file_download
from sen2naip_stand_in import FILENAME, REPO, REVISION, Hub, build_zip, pixels

from sen2naip_sr.errors import UserError
from sen2naip_sr.sources import sen2naip
from sen2naip_sr.sources.base import Source
from sen2naip_sr.sources.parameters import Sen2NaipParameters
from sen2naip_sr.sources.sen2naip import Sen2NaipSource

CHUNK = 1024


@pytest.fixture
def local_zip(tmp_path):
    return build_zip(tmp_path / "images.zip", [10, 0, 2])


def forget_known_agents(monkeypatch, tmp_path):
    """Make newer clients ask for their list of user agents again, unless told not to."""
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "a.json"), raising=False)
    if module := sys.modules.get("huggingface_hub.utils._detect_agent"):
        monkeypatch.setattr(module, "_registry", None)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this machine that is the client's own default, and a client that hurries."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    huggingface_hub.close_session()
    content = build_zip(tmp_path / "remote.zip", [0, 1, 2]).read_bytes()
    with Hub(content) as served:
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
        forget_known_agents(monkeypatch, tmp_path)
        monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
        yield served
    huggingface_hub.close_session()


def local_source(path, **changes):
    return Sen2NaipSource(path=path, cache=path.parent / "unused", **changes)


def remote_source(tmp_path, **changes):
    asked = {"repo": REPO, "filename": FILENAME, "revision": REVISION, "expected_rois": None}
    return Sen2NaipSource(path=None, cache=tmp_path / "cache", **(asked | changes))


def downloaded(tmp_path):
    return tmp_path / "cache" / FILENAME


def test_the_images_come_in_order_of_their_regions_and_nothing_else(local_zip):
    source: Source = local_source(local_zip)
    files = source.files()
    assert [file.name for file in files] == [
        f"cross-sensor/ROI_{roi:04d}/hr.tif" for roi in (0, 2, 10)
    ]
    for roi, file in zip((0, 2, 10), files, strict=True):
        with file.open() as raster:
            np.testing.assert_array_equal(raster.read(), pixels(roi))
    assert not local_zip.parent.joinpath("unused").exists()


def test_regions_are_ordered_by_number_not_by_text(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("ROI_10/hr.tif", "ROI_9/hr.tif", "ROI_9/hr.tif.ovr", "ROI_x/hr.tif"):
            archive.writestr(name, b"")
    assert [file.name for file in local_source(path).files()] == ["ROI_9/hr.tif", "ROI_10/hr.tif"]


@pytest.mark.parametrize(("expected", "warning"), [(5, "2 of 5 regions"), (3, None), (None, None)])
def test_missing_regions_are_warned_about(local_zip, caplog, expected, warning):
    with caplog.at_level(logging.WARNING):
        local_source(local_zip, expected_rois=expected).files()
    assert warning in caplog.text if warning else not caplog.records


def test_a_zip_without_images_shows_what_it_holds(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday/beach.jpg", b"")
    with pytest.raises(UserError, match=r"no ROI_<number>/hr\.tif.*beach\.jpg"):
        local_source(path).files()


def test_defaults_are_the_parameters_defaults():
    source = Sen2NaipSource(path=None, cache="anywhere")
    for name, value in Sen2NaipParameters().model_dump().items():
        assert getattr(source, name) == value
    assert (source.kind, source.synthetic) == ("sen2naip", False)


def test_the_fingerprint_follows_the_local_file(local_zip):
    before = local_source(local_zip).fingerprint()
    assert local_source(local_zip, endpoint="http://elsewhere").fingerprint() == before
    os.utime(local_zip, ns=(1, 1))
    assert local_source(local_zip).fingerprint() != before


def test_the_fingerprint_of_a_download_follows_what_is_asked_for(hub, tmp_path):
    prints = {
        remote_source(tmp_path, **change).fingerprint()
        for change in ({}, {"repo": "a/b"}, {"filename": "c.zip"}, {"revision": "main"})
    }
    assert len(prints) == 4
    assert remote_source(tmp_path).fingerprint() in prints
    assert not hub.requests


@pytest.mark.parametrize("act", [Sen2NaipSource.fingerprint, Sen2NaipSource.files])
def test_a_local_zip_that_is_not_there(tmp_path, act):
    with pytest.raises(UserError, match="no such file"):
        act(local_source(tmp_path / "nowhere.zip"))


def test_a_download_is_recorded_and_not_repeated(hub, tmp_path):
    files = remote_source(tmp_path).files()
    assert len(files) == 3
    assert downloaded(tmp_path).read_bytes() == hub.content
    record = json.loads((tmp_path / "cache" / "checksum.json").read_text())
    assert record["sha256"] == hashlib.sha256(hub.content).hexdigest()
    assert record["size"] == len(hub.content)
    assert record["revision"] == REVISION
    hub.requests.clear()
    assert remote_source(tmp_path).files() == files
    assert not hub.requests


def test_only_the_file_is_asked_for_and_the_token_stays_with_the_hub(hub, tmp_path):
    remote_source(tmp_path).files()
    at_hub = [
        r for r in hub.requests if r.path == f"/datasets/{REPO}/resolve/{REVISION}/{FILENAME}"
    ]
    at_storage = [r for r in hub.requests if r.path.startswith("/storage/")]
    assert len(at_hub) + len(at_storage) == len(hub.requests)
    assert all(r.authorized for r in at_hub)
    assert not any(r.authorized for r in at_storage)


def test_an_endpoint_of_ones_own(hub, tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        elsewhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    template = elsewhere + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", elsewhere)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    assert len(remote_source(tmp_path, endpoint=f"{hub.url}/").files()) == 3
    assert not any("//" in r.path for r in hub.requests)


def test_a_short_break_is_bridged(hub, tmp_path):
    hub.cuts = [8 * CHUNK]
    remote_source(tmp_path).files()
    assert downloaded(tmp_path).read_bytes() == hub.content
    assert hub.starts() == [0, 8 * CHUNK]


def test_a_later_run_goes_on_where_a_broken_off_one_stopped(hub, tmp_path):
    hub.cuts = [8 * CHUNK] + [0] * 20
    with pytest.raises(UserError, match="interrupted") as caught:
        remote_source(tmp_path).files()
    assert "try again" in caught.value.remedy
    assert not downloaded(tmp_path).exists()
    assert hub.delivered == 8 * CHUNK

    hub.cuts, hub.requests = [], []
    assert len(remote_source(tmp_path).files()) == 3
    assert hub.starts() == [8 * CHUNK]
    assert downloaded(tmp_path).read_bytes() == hub.content
    assert hub.delivered == len(hub.content)
    assert not list(downloaded(tmp_path).parent.glob("*.incomplete"))


@pytest.mark.parametrize("surplus", [-1, 0, 7])
def test_a_damaged_part_is_thrown_away(hub, tmp_path, surplus):
    hub.cuts = [CHUNK] + [0] * 20
    with pytest.raises(UserError):
        remote_source(tmp_path).files()
    (part,) = downloaded(tmp_path).parent.glob("*.incomplete")
    part.write_bytes(bytes(len(hub.content) + surplus))
    hub.cuts = []
    with pytest.raises(UserError, match="damaged"):
        remote_source(tmp_path).files()
    assert not downloaded(tmp_path).exists()
    remote_source(tmp_path).files()
    assert downloaded(tmp_path).read_bytes() == hub.content


def test_parts_of_different_files_are_not_joined(hub, tmp_path):
    hub.cuts = [8 * CHUNK] + [0] * 20
    with pytest.raises(UserError):
        remote_source(tmp_path).files()
    hub.content = build_zip(tmp_path / "newer.zip", [5]).read_bytes()
    hub.cuts = []
    remote_source(tmp_path).files()
    assert downloaded(tmp_path).read_bytes() == hub.content


@pytest.mark.parametrize(
    ("refusal", "reason", "remedy"),
    [
        ((404, "RevisionNotFound"), "no such revision", "check the revision"),
        ((404, "EntryNotFound"), "no such file", "check the file's name"),
        ((404, "RepoNotFound"), "no such repository", "check the repository's name"),
        ((403, "GatedRepo"), "restricted", "log in"),
        ((401, ""), "refused", "log in"),
        ((403, ""), "refused", "log in"),
        ((503, ""), "503", "later"),
    ],
)
def test_a_refusal_is_explained(hub, tmp_path, refusal, reason, remedy):
    hub.refusal = refusal
    with pytest.raises(UserError) as caught:
        remote_source(tmp_path).files()
    assert REPO in caught.value.problem
    assert reason in caught.value.problem
    assert remedy in caught.value.remedy
    assert f"download {FILENAME} by hand" in caught.value.remedy
    assert caught.value.code == "download-failed"
    assert "http" not in str(caught.value)


def test_a_server_that_is_no_hub(hub, tmp_path, monkeypatch):
    answer = file_download.HfFileMetadata(None, None, "http://portal", 12, None)
    monkeypatch.setattr(sen2naip, "get_hf_file_metadata", lambda *args, **options: answer)
    with pytest.raises(UserError, match="does not answer like the hub"):
        remote_source(tmp_path).files()


def test_a_server_that_cannot_be_reached(hub, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(UserError, match="cannot be reached") as caught:
        remote_source(tmp_path, endpoint=f"http://127.0.0.1:{port}").files()
    assert "check the network" in caught.value.remedy


def test_offline_mode(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="offline mode") as caught:
        remote_source(tmp_path).files()
    assert "HF_HUB_OFFLINE" in caught.value.remedy
    assert not hub.requests


def test_something_that_is_no_repository(hub, tmp_path):
    with pytest.raises(UserError, match="no repository's name") as caught:
        remote_source(tmp_path, repo="a/b/c").files()
    assert "check the repository's name" in caught.value.remedy


def test_a_disk_too_small_is_known_beforehand(hub, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=len(hub.content) - 1)
    monkeypatch.setattr(sen2naip.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="disk is full"):
        remote_source(tmp_path).files()
    assert not hub.delivered


def test_a_disk_that_fills_up_meanwhile(hub, tmp_path, monkeypatch):
    def fill_up(url, stream, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sen2naip, "http_get", fill_up)
    with pytest.raises(UserError, match="disk is full") as caught:
        remote_source(tmp_path).files()
    assert "free space" in caught.value.remedy


def test_a_cache_that_cannot_be_a_folder(hub, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="cache"):
        remote_source(tmp_path).files()


def test_a_copied_download_is_still_the_same(hub, tmp_path):
    files = remote_source(tmp_path).files()
    os.utime(downloaded(tmp_path), ns=(1, 1))
    hub.requests.clear()
    assert remote_source(tmp_path).files() == files
    assert not hub.requests
    assert json.loads((tmp_path / "cache" / "checksum.json").read_text())["mtime_ns"] == 1


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: bytes([b[0] ^ 1]) + b[1:]])
def test_a_download_that_has_changed_is_not_trusted(hub, tmp_path, change):
    remote_source(tmp_path).files()
    path = downloaded(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match="has changed since") as caught:
        remote_source(tmp_path).files()
    assert "delete it" in caught.value.remedy


def test_another_revision_is_downloaded_anew(hub, tmp_path):
    remote_source(tmp_path).files()
    hub.content = build_zip(tmp_path / "newer.zip", [5, 6]).read_bytes()
    assert len(remote_source(tmp_path, revision="main").files()) == 2
    assert downloaded(tmp_path).read_bytes() == hub.content


@pytest.mark.parametrize("record", [None, "{", "[]", '{"sha256": 1}'])
def test_a_download_without_a_usable_record_gets_one(hub, tmp_path, caplog, record):
    remote_source(tmp_path).files()
    checksum = tmp_path / "cache" / "checksum.json"
    intact = checksum.read_text()
    checksum.unlink() if record is None else checksum.write_text(record)
    hub.requests.clear()
    with caplog.at_level(logging.WARNING):
        assert len(remote_source(tmp_path).files()) == 3
    assert "no checksum" in caplog.text
    assert checksum.read_text() == intact
    assert not hub.requests
